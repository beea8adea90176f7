// What the firmware says the machine is: /sys/class/dmi/id. It cannot change while the host runs, so it is read once.
// Serial numbers and the UUID are readable by root only, and left out for others.
#include "exporter/collectors/collectors.h"
#include "exporter/device_metrics.h"

namespace tidemark::exporter {
namespace {

struct Field {
  const char* label;
  const char* file;
};

constexpr Field kFields[] = {
    {"bios_date", "bios_date"},
    {"bios_release", "bios_release"},
    {"bios_vendor", "bios_vendor"},
    {"bios_version", "bios_version"},
    {"board_asset_tag", "board_asset_tag"},
    {"board_name", "board_name"},
    {"board_serial", "board_serial"},
    {"board_vendor", "board_vendor"},
    {"board_version", "board_version"},
    {"chassis_asset_tag", "chassis_asset_tag"},
    {"chassis_serial", "chassis_serial"},
    {"chassis_vendor", "chassis_vendor"},
    {"chassis_version", "chassis_version"},
    {"product_family", "product_family"},
    {"product_name", "product_name"},
    {"product_serial", "product_serial"},
    {"product_sku", "product_sku"},
    {"product_uuid", "product_uuid"},
    {"product_version", "product_version"},
    {"system_vendor", "sys_vendor"},
};

class Dmi final : public Collector {
 public:
  explicit Dmi(const CollectorConfig& config) {
    const Directory id(config.sysfs + "/class/dmi/id");
    LabelMap found;
    for (const Field& field : kFields) {
      if (const auto text = id.text(field.file)) found.set(field.label, *text);
    }
    for (const Label& label : found.labels()) labels_.emplace_back(label.name, label.value);
  }

  Status collect(ScrapeContext& /*context*/, Families& out) override {
    if (labels_.empty()) return {};
    std::vector<Label> labels;
    for (const auto& [name, value] : labels_) labels.push_back({name, value});
    add_gauge(out, "node_dmi_info", "What the firmware says the machine is; always 1.").add(1, labels);
    return {};
  }

 private:
  std::vector<std::pair<std::string, std::string>> labels_;
};

}  // namespace

CollectorResult make_dmi(const CollectorConfig& config) { return std::make_unique<Dmi>(config); }

}  // namespace tidemark::exporter
