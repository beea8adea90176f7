// Swap devices and files: /proc/swaps, "/dev/sda3 partition 8388604 76 -2", sizes in kB.
#include <fmt/format.h>

#include "exporter/collectors/collectors.h"
#include "exporter/directory.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

class Swap final : public Collector {
 public:
  explicit Swap(const CollectorConfig& config) : path_(config.procfs + "/swaps") {}

  Status collect(ScrapeContext& context, Families& out) override {
    const auto text = context.read_kept(path_);
    if (!text) return text.error();
    auto& priority = add_gauge(out, "node_swap_priority", "Priority: the highest is filled first.");
    auto& size = add_gauge(out, "node_swap_size_bytes", "Bytes there are.");
    auto& used = add_gauge(out, "node_swap_used_bytes", "Bytes in use.");
    std::string_view rest = *text;
    if (!rest.empty()) next_line(rest);  // Titles.
    for (int number = 2; !rest.empty(); ++number) {
      std::string_view line = next_line(rest);
      const std::string_view device = next_word(line);
      const std::string_view type = next_word(line);
      const auto size_kb = parse_number(next_word(line));
      const auto used_kb = parse_number(next_word(line));
      const auto rank = parse_number(next_word(line));
      if (!size_kb || !used_kb || !rank) return Status::invalid(fmt::format("{}:{}: not five columns", path_, number));
      const LabelSet labels = out.add_labels({{"device", device}, {"swap_type", type}});
      add_sample(priority, *rank, labels);
      add_sample(size, *size_kb * 1024, labels);
      add_sample(used, *used_kb * 1024, labels);
    }
    return {};
  }

 private:
  const std::string path_;
};

}  // namespace

CollectorResult make_swap(const CollectorConfig& config) { return std::make_unique<Swap>(config); }

}  // namespace tidemark::exporter
