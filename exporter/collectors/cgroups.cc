// Control groups by controller: /proc/cgroups, "cpu 5 47 1": its hierarchy, how many groups, whether it is enabled.
#include <fmt/format.h>

#include "exporter/collectors/collectors.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

class Cgroups final : public Collector {
 public:
  explicit Cgroups(const CollectorConfig& config) : path_(config.procfs + "/cgroups") {}

  Status collect(ScrapeContext& context, Families& out) override {
    const auto text = context.read_kept(path_);
    if (!text) return text.error();
    auto& groups = add_gauge(out, "node_cgroups_cgroups", "Control groups of the controller.");
    auto& enabled = add_gauge(out, "node_cgroups_enabled", "Whether the controller is enabled.");
    std::string_view rest = *text;
    for (int number = 1; !rest.empty(); ++number) {
      std::string_view line = next_line(rest);
      if (line.starts_with('#')) continue;
      const std::string_view name = next_word(line);
      next_word(line);  // The hierarchy.
      const auto count = to_u64(next_word(line));
      const auto on = to_u64(next_word(line));
      if (!count || !on) return Status::invalid(fmt::format("{}:{}: not four columns", path_, number));
      const LabelSet labels = out.add_labels({{"subsys_name", name}});
      add_sample(groups, static_cast<double>(*count), labels);
      add_sample(enabled, static_cast<double>(*on), labels);
    }
    return {};
  }

 private:
  const std::string path_;
};

}  // namespace

CollectorResult make_cgroups(const CollectorConfig& config) { return std::make_unique<Cgroups>(config); }

}  // namespace tidemark::exporter
