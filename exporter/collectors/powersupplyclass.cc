// Batteries and power supplies: /sys/class/power_supply/<supply>, in the kernel's units of millionths of a volt,
// ampere, watt hour (Documentation/power/power_supply_class.rst) and tenths of a degree.
#include "exporter/collectors/collectors.h"
#include "exporter/device_metrics.h"

namespace tidemark::exporter {
namespace {

constexpr MetricType kGauge = MetricType::kGauge;
constexpr double kMicro = 1e6;
constexpr double kTenths = 10;

constexpr Attribute kAttributes[] = {
    {"authentic", "node_power_supply_authentic", "Whether the supply proved to be genuine."},
    {"calibrate", "node_power_supply_calibrate", "Whether the battery is being calibrated."},
    {"capacity", "node_power_supply_capacity", "Charge in percent."},
    {"capacity_alert_max", "node_power_supply_capacity_alert_max", "Charge in percent above which it warns."},
    {"capacity_alert_min", "node_power_supply_capacity_alert_min", "Charge in percent below which it warns."},
    {"cycle_count", "node_power_supply_cyclecount", "Times the battery was charged."},
    {"online", "node_power_supply_online", "Whether it gives power; 2: at a programmable voltage."},
    {"present", "node_power_supply_present", "Whether the battery is there."},
    {"time_to_empty_now", "node_power_supply_time_to_empty_seconds", "Time until empty at the present load."},
    {"time_to_full_now", "node_power_supply_time_to_full_seconds", "Time until full at the present charge."},
    {"charge_control_limit", "node_power_supply_charge_control_limit", "Limit of charging.", kGauge, kMicro},
    {"charge_control_limit_max", "node_power_supply_charge_control_limit_max", "Highest limit of charging.", kGauge,
     kMicro},
    {"charge_counter", "node_power_supply_charge_counter", "Charge moved, in ampere hours.", kGauge, kMicro},
    {"charge_empty", "node_power_supply_charge_empty", "Charge when empty, in ampere hours.", kGauge, kMicro},
    {"charge_empty_design", "node_power_supply_charge_empty_design", "The same by design.", kGauge, kMicro},
    {"charge_full", "node_power_supply_charge_full", "Charge when full, in ampere hours.", kGauge, kMicro},
    {"charge_full_design", "node_power_supply_charge_full_design", "The same by design.", kGauge, kMicro},
    {"charge_now", "node_power_supply_charge_ampere", "Charge in ampere hours.", kGauge, kMicro},
    {"charge_term_current", "node_power_supply_charge_term_current", "Current at which charging ends, in amperes.",
     kGauge, kMicro},
    {"constant_charge_current", "node_power_supply_constant_charge_current", "Charging current set, in amperes.",
     kGauge, kMicro},
    {"constant_charge_current_max", "node_power_supply_constant_charge_current_max",
     "Highest charging current, in amperes.", kGauge, kMicro},
    {"constant_charge_voltage", "node_power_supply_constant_charge_voltage", "Charging voltage set, in volts.", kGauge,
     kMicro},
    {"constant_charge_voltage_max", "node_power_supply_constant_charge_voltage_max",
     "Highest charging voltage, in volts.", kGauge, kMicro},
    {"current_boot", "node_power_supply_current_boot", "Current at boot, in amperes.", kGauge, kMicro},
    {"current_max", "node_power_supply_current_max", "Highest current, in amperes.", kGauge, kMicro},
    {"current_now", "node_power_supply_current_ampere", "Current in amperes.", kGauge, kMicro},
    {"energy_empty", "node_power_supply_energy_empty", "Energy when empty, in watt hours.", kGauge, kMicro},
    {"energy_empty_design", "node_power_supply_energy_empty_design", "The same by design.", kGauge, kMicro},
    {"energy_full", "node_power_supply_energy_full", "Energy when full, in watt hours.", kGauge, kMicro},
    {"energy_full_design", "node_power_supply_energy_full_design", "The same by design.", kGauge, kMicro},
    {"energy_now", "node_power_supply_energy_watthour", "Energy in watt hours.", kGauge, kMicro},
    {"input_current_limit", "node_power_supply_input_current_limit", "Limit of the current drawn, in amperes.", kGauge,
     kMicro},
    {"power_now", "node_power_supply_power_watt", "Power in watts.", kGauge, kMicro},
    {"precharge_current", "node_power_supply_precharge_current", "Current while precharging, in amperes.", kGauge,
     kMicro},
    {"voltage_boot", "node_power_supply_voltage_boot", "Voltage at boot, in volts.", kGauge, kMicro},
    {"voltage_max", "node_power_supply_voltage_max", "Highest voltage, in volts.", kGauge, kMicro},
    {"voltage_max_design", "node_power_supply_voltage_max_design", "The same by design.", kGauge, kMicro},
    {"voltage_min", "node_power_supply_voltage_min", "Lowest voltage, in volts.", kGauge, kMicro},
    {"voltage_min_design", "node_power_supply_voltage_min_design", "The same by design.", kGauge, kMicro},
    {"voltage_now", "node_power_supply_voltage_volt", "Voltage in volts.", kGauge, kMicro},
    {"voltage_ocv", "node_power_supply_voltage_ocv", "Voltage without load, in volts.", kGauge, kMicro},
    {"temp", "node_power_supply_temp_celsius", "Temperature in degrees Celsius.", kGauge, kTenths},
    {"temp_alert_max", "node_power_supply_temp_alert_max_celsius", "Above this it warns.", kGauge, kTenths},
    {"temp_alert_min", "node_power_supply_temp_alert_min_celsius", "Below this it warns.", kGauge, kTenths},
    {"temp_ambient", "node_power_supply_temp_ambient_celsius", "Temperature around it.", kGauge, kTenths},
    {"temp_ambient_max", "node_power_supply_temp_ambient_max_celsius", "Highest allowed around it.", kGauge, kTenths},
    {"temp_ambient_min", "node_power_supply_temp_ambient_min_celsius", "Lowest allowed around it.", kGauge, kTenths},
    {"temp_max", "node_power_supply_temp_max_celsius", "Highest temperature allowed.", kGauge, kTenths},
    {"temp_min", "node_power_supply_temp_min_celsius", "Lowest temperature allowed.", kGauge, kTenths},
};

// Files that are labels of node_power_supply_info, under their own names.
constexpr const char* kTexts[] = {"capacity_level", "charge_type", "health",     "manufacturer", "model_name", "scope",
                                  "serial_number",  "status",      "technology", "type",         "usb_type"};

class PowerSupplyClass final : public Collector {
 public:
  PowerSupplyClass(const CollectorConfig& config, NameFilter filter)
      : path_(config.sysfs + "/class/power_supply"), filter_(std::move(filter)) {}

  Status collect(ScrapeContext& context, Families& out) override {
    auto& info = add_gauge(out, "node_power_supply_info", "What the supply is and does; always 1.");
    AttributeTable table(kAttributes, out);
    const Directory supplies(context.absences(), path_);
    for (const std::string& name : supplies.names()) {
      const Directory supply(supplies, name);
      if (!supply.exists() || !filter_.shows(name)) continue;
      table.add(supply, out.add_labels({{"power_supply", name}}));
      LabelMap labels;
      labels.set("power_supply", name);
      for (const char* text : kTexts) labels.set_from(text, supply, text);
      info.add(1, labels.labels());
    }
    return {};
  }

 private:
  const std::string path_;
  const NameFilter filter_;
};

}  // namespace

void declare_powersupplyclass_flags(CollectorFlags& flags, CollectorConfig& config) {
  flags.add("powersupply.ignored-supplies", &config.powersupplyclass.ignored,
            "Regular expression of power supplies not to show.");
}

CollectorResult make_powersupplyclass(const CollectorConfig& config) {
  auto filter = NameFilter::compile({"", config.powersupplyclass.ignored});
  if (!filter) return fail(filter.error());
  return std::make_unique<PowerSupplyClass>(config, std::move(*filter));
}

}  // namespace tidemark::exporter
