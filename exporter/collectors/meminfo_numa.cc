// Memory by NUMA node: /sys/devices/system/node/node<N>/meminfo, "Node 0 MemTotal: 134182340 kB", and numastat,
// "numa_hit 193460335812" (Documentation/admin-guide/numastat.rst).
#include <fmt/format.h>

#include "exporter/collectors/collectors.h"
#include "exporter/device_metrics.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

// "Active(anon):" is node_memory_numa_Active_anon.
std::string field_name(std::string_view word) {
  std::string out = "node_memory_numa_";
  for (const char c : word) {
    if (c == '(') out += '_';
    if (c != '(' && c != ')' && c != ':') out += c;
  }
  return out;
}

class MeminfoNuma final : public Collector {
 public:
  explicit MeminfoNuma(const CollectorConfig& config) : path_(config.sysfs + "/devices/system/node") {}

  Status collect(ScrapeContext& context, Families& out) override {
    FamilySet families(out);
    const Directory nodes(path_);
    for (const std::string& name : nodes.numbered("node")) {
      const LabelSet labels = out.add_labels({{"node", name.substr(4)}});
      const std::string directory = path_ + "/" + name;
      if (const auto text = context.read_once(directory + "/meminfo")) {
        const Status status = add_meminfo(*text, labels, families);
        if (!status.ok()) return status.at(directory + "/meminfo");
      }
      if (const auto text = context.read_once(directory + "/numastat")) {
        const Status status = add_numastat(*text, labels, families);
        if (!status.ok()) return status.at(directory + "/numastat");
      }
    }
    return {};
  }

 private:
  static Status add_meminfo(std::string_view text, const LabelSet& labels, FamilySet& families) {
    while (!text.empty()) {
      std::string_view line = next_line(text);
      next_word(line);  // "Node"
      next_word(line);
      const std::string_view field = next_word(line);
      if (field.empty()) continue;
      const auto value = to_u64(next_word(line));
      const std::string_view unit = next_word(line);
      if (!value || (!unit.empty() && unit != "kB"))
        return Status::invalid(fmt::format("\"{}\" is not a number of kB", field));
      add_sample(families.find(field_name(field), MetricType::kGauge, fmt::format("{} of the node.", field)),
                 static_cast<double>(*value) * (unit.empty() ? 1 : 1024), labels);
    }
    return {};
  }

  static Status add_numastat(std::string_view text, const LabelSet& labels, FamilySet& families) {
    while (!text.empty()) {
      std::string_view line = next_line(text);
      const std::string_view field = next_word(line);
      if (field.empty()) continue;
      const auto value = to_u64(next_word(line));
      if (!value) return Status::invalid(fmt::format("\"{}\" is not a number", field));
      add_sample(families.find(fmt::format("node_memory_numa_{}_total", field), MetricType::kCounter,
                               fmt::format("Pages by {} of the node.", field)),
                 static_cast<double>(*value), labels);
    }
    return {};
  }

  const std::string path_;
};

}  // namespace

CollectorResult make_meminfo_numa(const CollectorConfig& config) { return std::make_unique<MeminfoNuma>(config); }

}  // namespace tidemark::exporter
