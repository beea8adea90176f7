// Energy used by processors and memory: /sys/class/powercap/<zone>/{name,energy_uj}
// (Documentation/power/powercap/powercap.rst). Since Linux 5.10 only root may read the energy: zones that cannot be
// read are left out.
#include <map>

#include "exporter/collectors/collectors.h"
#include "exporter/device_metrics.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

class Rapl final : public Collector {
 public:
  explicit Rapl(const CollectorConfig& config)
      : path_(config.sysfs + "/class/powercap"), zone_label_(config.rapl.zone_label) {}

  Status collect(ScrapeContext& context, Families& out) override {
    FamilySet families(out);
    std::map<std::string, uint64_t> next_index;  // By zone name: "core" may be there once a package.
    const Directory powercap(context.absences(), path_);
    for (const std::string& entry : powercap.names()) {
      const Directory zone(powercap, entry);
      auto name = zone.text("name");
      if (!name) continue;  // The control type itself.
      uint64_t index = next_index[*name];
      // "package-1" carries its number; names with more dashes do not.
      const size_t dash = name->find('-');
      if (dash != name->npos && name->find('-', dash + 1) == name->npos) {
        if (const auto number = to_u64(std::string_view(*name).substr(dash + 1))) {
          index = *number;
          name->resize(dash);
        }
      }
      next_index[*name] = index + 1;
      const auto microjoules = zone.number("energy_uj");
      if (!microjoules) continue;
      const std::string index_text = std::to_string(index);
      if (zone_label_) {
        add_sample(families.find("node_rapl_joules_total", MetricType::kCounter, "Energy used, by power zone."),
                   *microjoules / 1e6, {{"index", index_text}, {"path", zone.path()}, {"rapl_zone", *name}});
      } else {
        add_sample(families.find("node_rapl_" + metric_name_part(*name) + "_joules_total", MetricType::kCounter,
                                 "Energy used by the power zone \"" + *name + "\"."),
                   *microjoules / 1e6, {{"index", index_text}, {"path", zone.path()}});
      }
    }
    return {};
  }

 private:
  const std::string path_;
  const bool zone_label_;
};

}  // namespace

void declare_rapl_flags(CollectorFlags& flags, CollectorConfig& config) {
  flags.add("rapl.enable-zone-label", &config.rapl.zone_label,
            "Show the zone as a label of node_rapl_joules_total instead of in the names of metrics.");
}

CollectorResult make_rapl(const CollectorConfig& config) { return std::make_unique<Rapl>(config); }

}  // namespace tidemark::exporter
