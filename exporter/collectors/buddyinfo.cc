// Free memory by the size of its blocks: /proc/buddyinfo, "Node 0, zone DMA 1 0 1 ...", where the column counts blocks
// of 1, 2, 4, 8 ... pages.
#include <fmt/format.h>

#include "exporter/collectors/collectors.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

class Buddyinfo final : public Collector {
 public:
  explicit Buddyinfo(const CollectorConfig& config) : path_(config.procfs + "/buddyinfo") {}

  Status collect(ScrapeContext& context, Families& out) override {
    const auto text = context.read_kept(path_);
    if (!text) return text.error();
    auto& blocks = add_gauge(out, "node_buddyinfo_blocks", "Free blocks of 2^size pages.");
    std::string_view rest = *text;
    for (int number = 1; !rest.empty(); ++number) {
      std::string_view line = next_line(rest);
      const std::string_view node_word = next_word(line);
      std::string_view node = next_word(line);
      const std::string_view zone_word = next_word(line);
      const std::string_view zone = next_word(line);
      if (node_word != "Node" || zone_word != "zone" || zone.empty())
        return Status::invalid(fmt::format("{}:{}: not \"Node N, zone NAME ...\"", path_, number));
      if (node.ends_with(',')) node.remove_suffix(1);
      int order = 0;
      for (auto word = next_word(line); !word.empty(); word = next_word(line)) {
        const auto count = to_u64(word);
        if (!count) return Status::invalid(fmt::format("{}:{}: \"{}\" is not a number", path_, number, word));
        add_sample(blocks, static_cast<double>(*count),
                   {{"node", node}, {"size", std::to_string(order++)}, {"zone", zone}});
      }
    }
    return {};
  }

 private:
  const std::string path_;
};

}  // namespace

CollectorResult make_buddyinfo(const CollectorConfig& config) { return std::make_unique<Buddyinfo>(config); }

}  // namespace tidemark::exporter
