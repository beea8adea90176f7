// Sensors of hardware monitoring chips: /sys/class/hwmon/hwmon<N>/<type><number>_<item>, as "temp1_input" in
// thousandths of a degree (Documentation/hwmon/sysfs-interface.rst). Old drivers put the files into hwmon<N>/device.
//
// The label "chip" is made from the device's place in the bus ("platform_coretemp_0"), which is the same after each
// boot where the number of hwmon<N> is not; without a device it is the chip's name. The metric of an item is
// node_hwmon_<type>_<item>_<unit>.
#include <limits.h>
#include <stdlib.h>

#include <algorithm>
#include <map>

#include "exporter/collectors/collectors.h"
#include "exporter/deadline.h"
#include "exporter/device_metrics.h"

namespace tidemark::exporter {
namespace {

constexpr std::string_view kTypes[] = {
    "vrm",  "beep_enable", "update_interval", "in",     "cpu",      "fan",       "pwm",
    "temp", "curr",        "power",           "energy", "humidity", "intrusion", "freq"};

struct FileName {
  std::string_view type;    // "temp"
  std::string_view number;  // "1"; "" in files that are there once.
  std::string_view item;    // "input"; "" in "pwm1".
};

std::optional<FileName> parse_file_name(std::string_view name) {
  const size_t digits = name.find_first_of("0123456789");
  if (digits == name.npos) return FileName{name, "", ""};
  const size_t end = std::min(name.find_first_not_of("0123456789", digits), name.size());
  FileName out{name.substr(0, digits), name.substr(digits, end - digits), ""};
  if (end == name.size()) return out;
  if (name[end] != '_' || end + 1 == name.size()) return std::nullopt;
  out.item = name.substr(end + 1);
  return out;
}

// Lower case, other characters than letters, digits, ":" and "_" as "_", none of those at the ends.
std::string clean(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const bool kept = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == ':' || c == '_';
    out += kept ? c : '_';
  }
  const size_t first = out.find_first_not_of('_');
  return first == out.npos ? "" : out.substr(first, out.find_last_not_of('_') - first + 1);
}

struct Sensor {
  std::string type;
  std::map<std::string, std::string, std::less<>> items;  // File contents by item.
};
using Sensors = std::map<std::string, Sensor>;  // By name, as "temp1".

void read_sensors(const Directory& directory, Sensors& sensors) {
  for (const std::string& file : directory.names()) {
    const auto name = parse_file_name(file);
    if (!name || std::find(std::begin(kTypes), std::end(kTypes), name->type) == std::end(kTypes)) continue;
    auto text = directory.text(file);
    if (!text) continue;
    // "fan01" is the sensor "fan1"; what has no number is number 0.
    const size_t significant = std::min(name->number.find_first_not_of('0'), name->number.size());
    const std::string_view number = name->number.substr(significant);
    Sensor& sensor = sensors[std::string(name->type).append(number.empty() ? "0" : number)];
    sensor.type = name->type;
    sensor.items[std::string(name->item)] = std::move(*text);
  }
}

// How the kernel's number of an item becomes a metric.
struct Unit {
  std::string_view suffix;
  double divisor = 1;
  MetricType type = MetricType::kGauge;
};

Unit unit_of(std::string_view type, std::string_view item) {
  if (item == "fault" || item == "alarm") return {"", 1};
  if (item == "beep") return {"_enabled", 1};
  if (type == "in" || type == "cpu") return {"_volts", 1e3};
  if (type == "temp" && item != "type") return {"_celsius", 1e3};
  if (type == "curr") return {"_amps", 1e3};
  if (type == "energy") return {"_joule_total", 1e6, MetricType::kCounter};
  if (type == "power" && item == "accuracy") return {"", 1e6};
  if (type == "power" && item.starts_with("average_interval")) return {"_seconds", 1e3};
  if (type == "power") return {"_watt", 1e6};
  if (type == "humidity") return {"", 1e6};
  if (type == "fan" && (item == "input" || item == "min" || item == "max" || item == "target")) return {"_rpm", 1};
  return {"", 1};
}

// Values that a chip has once, under names of their own.
void add_chip_value(FamilySet& families, const Sensor& sensor, const LabelSet& labels) {
  const auto value = sensor.items.find("");
  const std::string text = value == sensor.items.end() ? "" : value->second;
  if (sensor.type == "beep_enable") {
    add_sample(families.find("node_hwmon_beep_enabled", MetricType::kGauge, "Whether the chip may beep."),
               text == "1" ? 1 : 0, labels);
    return;
  }
  const auto number = parse_number(text);
  if (!number) return;
  if (sensor.type == "vrm") {
    add_sample(families.find("node_hwmon_voltage_regulator_version", MetricType::kGauge,
                             "Version of the voltage regulators' specification."),
               *number, labels);
  } else {
    add_sample(families.find("node_hwmon_update_interval_seconds", MetricType::kGauge, "How often the chip measures."),
               *number / 1e3, labels);
  }
}

void add_items(FamilySet& families, const Sensor& sensor, std::string_view chip, const LabelSet& labels) {
  for (const auto& [item, text] : sensor.items) {
    const auto value = parse_number(text);
    if (item == "label" || !value) continue;
    if (sensor.type == "freq" && item == "input") {
      const auto label = sensor.items.find("label");
      if (label == sensor.items.end()) continue;
      const std::string_view family =
          sensor.items.contains("") ? "node_hwmon_freq_input_freq_mhz" : "node_hwmon_freq_freq_mhz";
      add_sample(families.find(family, MetricType::kGauge, "Clock of a graphics processor."), *value / 1e6,
                 {{"chip", chip}, {"sensor", clean(label->second)}});
      continue;
    }
    std::string family = "node_hwmon_" + sensor.type;
    // "temp1_input" is the temperature itself, unless there is a "temp1" beside it.
    if (item == "input" ? sensor.items.contains("") : !item.empty()) family += "_" + clean(item);
    const Unit unit = unit_of(sensor.type, item);
    family += unit.suffix;
    add_sample(families.find(family, unit.type,
                             "Sensors of type " + sensor.type + ": " + (item.empty() ? "value" : item) + "."),
               *value / unit.divisor, labels);
  }
}

struct Chip {
  Directory directory;
  std::string entry;  // "hwmon0"
  std::string label;
  std::string name;  // As the driver says; "" if it does not.
};

// `<bus>_<device>` of what the link "device" points to, else the chip's name, else that of its directory.
std::string chip_label(const Directory& directory, const std::string& entry, const std::string& name) {
  char real[PATH_MAX];
  if (::realpath((directory.path() + "/device").c_str(), real) != nullptr) {
    const std::string_view path = real;
    const size_t slash = path.rfind('/');
    const std::string device = clean(path.substr(slash + 1));
    const std::string_view parent = path.substr(0, slash);
    const std::string bus = clean(parent.substr(parent.rfind('/') + 1));
    if (!device.empty()) return bus.empty() ? device : bus + "_" + device;
  }
  std::string cleaned = clean(name);
  if (!cleaned.empty()) return cleaned;
  if (::realpath(directory.path().c_str(), real) == nullptr) return clean(entry);
  const std::string_view path = real;
  return clean(path.substr(path.rfind('/') + 1));
}

class Hwmon final : public Collector {
 public:
  Hwmon(const CollectorConfig& config, NameFilter chips, NameFilter sensors)
      : path_(config.sysfs + "/class/hwmon"), chip_filter_(std::move(chips)), sensor_filter_(std::move(sensors)) {}

  Status collect(ScrapeContext& context, Families& out) override {
    auto& chip_names = add_gauge(out, "node_hwmon_chip_names", "The name of the chip; always 1.");
    auto& sensor_labels = add_gauge(out, "node_hwmon_sensor_label", "The name of the sensor; always 1.");
    FamilySet families(out);
    for (const Chip& chip : find_chips(context)) {
      if (!chip_filter_.shows(chip.label)) continue;
      // Chips behind a slow bus take milliseconds for each value.
      if (const Status status = check_deadline(context); !status.ok()) return status.at(chip.entry);
      Sensors sensors;
      read_sensors(chip.directory, sensors);
      if (const Directory device(chip.directory, "device"); device.exists()) read_sensors(device, sensors);
      if (const std::string name = clean(chip.name); !name.empty())
        add_sample(chip_names, 1, {{"chip", chip.label}, {"chip_name", name}});
      for (const auto& [name, sensor] : sensors) {
        if (!sensor_filter_.shows(chip.label + ";" + name)) continue;
        const LabelSet labels = out.add_labels({{"chip", chip.label}, {"sensor", name}});
        if (const auto label = sensor.items.find("label"); label != sensor.items.end())
          add_sample(sensor_labels, 1, {{"chip", chip.label}, {"label", valid_utf8(label->second)}, {"sensor", name}});
        if (sensor.type == "beep_enable" || sensor.type == "vrm" || sensor.type == "update_interval") {
          add_chip_value(families, sensor, labels);
        } else {
          add_items(families, sensor, chip.label, labels);
        }
      }
    }
    return {};
  }

 private:
  // With a label each of its own: several chips of one device are told apart by their name, or by their directory.
  std::vector<Chip> find_chips(ScrapeContext& context) const {
    std::vector<Chip> chips;
    std::map<std::string, size_t> labels;
    std::map<std::pair<std::string, std::string>, size_t> names;
    const Directory hwmon(context.absences(), path_);
    for (const std::string& entry : hwmon.names()) {
      Directory directory(hwmon, entry);
      if (!directory.exists()) continue;
      std::string name = directory.text("name").value_or("");
      std::string label = chip_label(directory, entry, name);
      if (label.empty()) continue;
      ++labels[label];
      ++names[{label, name}];
      chips.push_back({std::move(directory), entry, std::move(label), std::move(name)});
    }
    for (Chip& chip : chips) {
      if (labels[chip.label] == 1) continue;
      std::string suffix = clean(chip.name);
      if (suffix.empty() || names[{chip.label, chip.name}] > 1) suffix = clean(chip.entry);
      chip.label += "_" + suffix;
    }
    return chips;
  }

  const std::string path_;
  const NameFilter chip_filter_;
  const NameFilter sensor_filter_;
};

}  // namespace

void declare_hwmon_flags(CollectorFlags& flags, CollectorConfig& config) {
  flags.add_filter("hwmon.chip", &config.hwmon.chips, "chips");
  flags.add_filter("hwmon.sensor", &config.hwmon.sensors, "sensors, as \"chip;sensor\",");
}

CollectorResult make_hwmon(const CollectorConfig& config) {
  auto chips = NameFilter::compile(config.hwmon.chips);
  if (!chips) return fail(chips.error());
  auto sensors = NameFilter::compile(config.hwmon.sensors);
  if (!sensors) return fail(sensors.error());
  return std::make_unique<Hwmon>(config, std::move(*chips), std::move(*sensors));
}

}  // namespace tidemark::exporter
