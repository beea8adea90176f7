// Counters of the network's caches: /proc/net/stat/<cache>, a line of names and then a line of hexadecimal numbers for
// each CPU.
#include <charconv>

#include <fmt/format.h>

#include "exporter/collectors/collectors.h"
#include "exporter/device_metrics.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

class Lnstat final : public Collector {
 public:
  explicit Lnstat(const CollectorConfig& config) : path_(config.procfs + "/net/stat") {}

  Status collect(ScrapeContext& context, Families& out) override {
    FamilySet families(out);
    const Directory caches(path_);
    for (const std::string& cache : caches.names()) {
      const auto text = context.read_once(path_ + "/" + cache);
      if (!text) continue;
      const Status status = add_cache(cache, *text, families);
      if (!status.ok()) return status.at(path_ + "/" + cache);
    }
    return {};
  }

 private:
  static Status add_cache(std::string_view cache, std::string_view text, FamilySet& families) {
    std::vector<Family*> columns;
    std::string_view head = text.empty() ? text : next_line(text);
    for (auto name = next_word(head); !name.empty(); name = next_word(head))
      columns.push_back(&families.find(fmt::format("node_lnstat_{}_total", metric_name_part(name)),
                                       MetricType::kCounter, "Counter of a cache of the network."));
    for (int cpu = 0; !text.empty(); ++cpu) {
      std::string_view line = next_line(text);
      const std::string cpu_text = std::to_string(cpu);
      for (Family* column : columns) {
        const std::string_view word = next_word(line);
        if (word.empty()) break;
        uint64_t value = 0;
        const char* end = word.data() + word.size();
        const auto [stop, error] = std::from_chars(word.data(), end, value, 16);
        if (error != std::errc() || stop != end) return Status::invalid(fmt::format("\"{}\" is not a number", word));
        add_sample(*column, static_cast<double>(value), {{"cpu", cpu_text}, {"subsystem", cache}});
      }
    }
    return {};
  }

  const std::string path_;
};

}  // namespace

CollectorResult make_lnstat(const CollectorConfig& config) { return std::make_unique<Lnstat>(config); }

}  // namespace tidemark::exporter
