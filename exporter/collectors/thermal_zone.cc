// Temperatures and coolers of /sys/class/thermal: thermal_zone<N>/{temp,type} and cooling_device<N>/{cur,max}_state
// (Documentation/ABI/testing/sysfs-class-thermal).
#include "exporter/collectors/collectors.h"
#include "exporter/device_metrics.h"

namespace tidemark::exporter {
namespace {

constexpr std::string_view kZone = "thermal_zone";
constexpr std::string_view kCooler = "cooling_device";

constexpr Attribute kZoneAttributes[] = {
    {"temp", "node_thermal_zone_temp", "Temperature of the zone in degrees Celsius.", MetricType::kGauge, 1e3},
};
constexpr Attribute kCoolerAttributes[] = {
    {"cur_state", "node_cooling_device_cur_state", "How hard the device cools at the moment."},
    {"max_state", "node_cooling_device_max_state", "How hard the device can cool."},
};

class ThermalZone final : public Collector {
 public:
  explicit ThermalZone(const CollectorConfig& config) : path_(config.sysfs + "/class/thermal") {}

  Status collect(ScrapeContext& context, Families& out) override {
    const Directory thermal(context.absences(), path_);
    AttributeTable zones(kZoneAttributes, out);
    for (const std::string& name : thermal.numbered(kZone)) {
      const Directory zone(thermal, name);
      zones.add(zone, out.add_labels({{"type", zone.text("type").value_or("")}, {"zone", name.substr(kZone.size())}}));
    }
    AttributeTable coolers(kCoolerAttributes, out);
    for (const std::string& name : thermal.numbered(kCooler)) {
      const Directory cooler(thermal, name);
      coolers.add(cooler,
                  out.add_labels({{"name", name.substr(kCooler.size())}, {"type", cooler.text("type").value_or("")}}));
    }
    return {};
  }

 private:
  const std::string path_;
};

}  // namespace

CollectorResult make_thermal_zone(const CollectorConfig& config) { return std::make_unique<ThermalZone>(config); }

}  // namespace tidemark::exporter
