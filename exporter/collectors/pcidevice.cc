// PCI devices: what they are, how fast their links run and could run, power states, virtual functions. From
// /sys/bus/pci/devices, whose entries are links: ../../../devices/pci0000:00/0000:00:02.5/0000:04:00.0 is a device
// behind the bridge 02.5. See Documentation/ABI/testing/sysfs-bus-pci of the kernel.
#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "exporter/collectors/collectors.h"
#include "exporter/deadline.h"
#include "exporter/device_metrics.h"
#include "exporter/pci_ids.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

constexpr size_t kIdsBytesMax = 16 << 20;
constexpr const char* kIdsFiles[] = {"/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids"};
constexpr std::string_view kPowerStates[] = {"D0", "D1", "D2", "D3hot", "D3cold", "unknown", "error"};

// Devices without the attribute have these values, as upstream shows them.
struct Number {
  const char* file;
  std::string_view family;
  std::string_view help;
  double absent;
};
constexpr Number kNumbers[] = {
    {"current_link_width", "node_pcidevice_current_link_width", "Lanes in use; -1: it has no link.", -1},
    {"d3cold_allowed", "node_pcidevice_d3cold_allowed", "1 if the device may be put into D3cold.", 0},
    {"max_link_width", "node_pcidevice_max_link_width", "Lanes there could be; -1: it has no link.", -1},
    {"sriov_drivers_autoprobe", "node_pcidevice_sriov_drivers_autoprobe",
     "1 if drivers are bound to virtual functions by themselves.", 0},
    {"sriov_numvfs", "node_pcidevice_sriov_numvfs", "Virtual functions that are enabled.", 0},
    {"sriov_totalvfs", "node_pcidevice_sriov_totalvfs", "Virtual functions there could be.", 0},
    {"sriov_vf_total_msix", "node_pcidevice_sriov_vf_total_msix", "MSI-X vectors of all virtual functions.", 0},
};

// "0000:04:00.0" by its parts.
struct Location {
  std::string segment = "*";
  std::string bus = "*";
  std::string device = "*";
  std::string function = "*";
};

std::optional<Location> parse_location(std::string_view text) {
  const size_t bus = text.find(':');
  const size_t device = bus == text.npos ? bus : text.find(':', bus + 1);
  const size_t function = device == text.npos ? device : text.find('.', device + 1);
  if (function == text.npos) return std::nullopt;
  const auto part = [](std::string_view word) { return to_u64(word, 16); };
  const auto a = part(text.substr(0, bus));
  const auto b = part(text.substr(bus + 1, device - bus - 1));
  const auto c = part(text.substr(device + 1, function - device - 1));
  const auto d = part(text.substr(function + 1));
  if (!a || !b || !c || !d) return std::nullopt;
  return Location{fmt::format("{:04x}", *a), fmt::format("{:02x}", *b), fmt::format("{:02x}", *c),
                  fmt::format("{:x}", *d)};
}

// "8.0 GT/s PCIe" as transfers a second; -1 where there is no link or nobody knows.
double link_speed(const Directory& device, const std::string& file) {
  const auto text = device.text(file);
  if (!text) return -1;
  std::string_view rest = *text;
  const auto value = to_double(next_word(rest));
  return value && trimmed(rest) == "GT/s PCIe" ? *value * 1e9 : -1;
}

class Pcidevice final : public Collector {
 public:
  explicit Pcidevice(const CollectorConfig& config)
      : path_(config.sysfs + "/bus/pci/devices"),
        with_names_(config.pcidevice.names),
        ids_file_(config.pcidevice.ids_file) {}

  Status collect(ScrapeContext& context, Families& out) override {
    const Directory devices(path_);
    auto& info = add_gauge(out, "node_pcidevice_info", "What the device is and what it is behind; always 1.");
    auto& max_speed = add_gauge(out, "node_pcidevice_max_link_transfers_per_second",
                                "Transfers a second the link could make; -1: it has none.");
    auto& speed = add_gauge(out, "node_pcidevice_current_link_transfers_per_second",
                            "Transfers a second the link makes; -1: it has none.");
    auto& numa_node = add_gauge(out, "node_pcidevice_numa_node", "The NUMA node the device belongs to.");
    auto& power = add_gauge(out, "node_pcidevice_power_state", "1 for the power state the device is in.");
    std::vector<Family*> numbers;
    for (const Number& one : kNumbers) numbers.push_back(&add_gauge(out, one.family, one.help));

    for (const std::string& name : devices.names()) {
      if (const Status status = check_deadline(context); !status.ok()) return status.at(path_ + "/" + name);
      const auto location = parse_location(name);
      const Directory device(devices, name);
      if (!location || !device.exists()) continue;
      if (!add_info(name, *location, device, info)) continue;
      const LabelSet labels = out.add_labels({{"bus", location->bus},
                                              {"device", location->device},
                                              {"function", location->function},
                                              {"segment", location->segment}});
      add_sample(max_speed, link_speed(device, "max_link_speed"), labels);
      add_sample(speed, link_speed(device, "current_link_speed"), labels);
      for (size_t i = 0; i < numbers.size(); ++i)
        add_sample(*numbers[i], device.number(kNumbers[i].file).value_or(kNumbers[i].absent), labels);
      if (const auto node = device.number("numa_node"); node && *node != -1) add_sample(numa_node, *node, labels);
      const auto state = device.text("power_state");
      if (!state || state->empty()) continue;
      for (const std::string_view one : kPowerStates) {
        add_sample(power, *state == one ? 1 : 0,
                   {{"bus", location->bus},
                    {"device", location->device},
                    {"function", location->function},
                    {"segment", location->segment},
                    {"state", one}});
      }
    }
    std::string().swap(ids_text_);
    return {};
  }

 private:
  // The device's bridge: the directory it is in. "*" in all parts for one that is behind none.
  Location parent_of(const std::string& name) const {
    char target[PATH_MAX];
    const ssize_t got = ::readlink((path_ + "/" + name).c_str(), target, sizeof target);
    std::string_view whole(target, got < 0 ? 0 : static_cast<size_t>(got));
    whole = whole.substr(0, whole.rfind('/') == whole.npos ? 0 : whole.rfind('/'));
    return parse_location(whole.substr(whole.rfind('/') + 1)).value_or(Location());
  }

  bool add_info(const std::string& name, const Location& location, const Directory& device, Family& info) {
    const auto number = [&](const char* file) { return device.number(file); };
    const auto class_code = number("class"), vendor = number("vendor"), id = number("device"),
               subsystem_vendor = number("subsystem_vendor"), subsystem = number("subsystem_device"),
               revision = number("revision");
    if (!class_code || !vendor || !id || !subsystem_vendor || !subsystem || !revision) return false;
    const auto hex = [](double v, int digits) { return fmt::format("0x{:0{}x}", static_cast<uint32_t>(v), digits); };
    const Location parent = parent_of(name);
    LabelMap labels;
    labels.set("bus", location.bus);
    labels.set("class_id", hex(*class_code, 6));
    labels.set("device", location.device);
    labels.set("device_id", hex(*id, 4));
    labels.set("function", location.function);
    labels.set("parent_bus", parent.bus);
    labels.set("parent_device", parent.device);
    labels.set("parent_function", parent.function);
    labels.set("parent_segment", parent.segment);
    labels.set("revision", hex(*revision, 2));
    labels.set("segment", location.segment);
    labels.set("subsystem_device_id", hex(*subsystem, 4));
    labels.set("subsystem_vendor_id", hex(*subsystem_vendor, 4));
    labels.set("vendor_id", hex(*vendor, 4));
    if (with_names_) {
      const PciNames& names = find_names({static_cast<uint32_t>(*vendor), static_cast<uint32_t>(*id),
                                          static_cast<uint32_t>(*subsystem_vendor), static_cast<uint32_t>(*subsystem),
                                          static_cast<uint32_t>(*class_code)});
      labels.set("class_name", names.class_name);
      labels.set("device_name", names.device);
      labels.set("subsystem_device_name", names.subsystem_device);
      labels.set("subsystem_vendor_name", names.subsystem_vendor);
      labels.set("vendor_name", names.vendor);
    }
    info.add(1, labels.labels());
    return true;
  }

  const PciNames& find_names(const PciNumbers& numbers) {
    const std::array<uint32_t, 5> key = {numbers.vendor, numbers.device, numbers.subsystem_vendor,
                                         numbers.subsystem_device, numbers.class_code};
    auto known = names_.find(key);
    if (known != names_.end()) return known->second;
    if (ids_text_.empty()) read_ids();
    return names_.emplace(key, find_pci_names(ids_text_, numbers)).first->second;
  }

  void read_ids() {
    std::vector<std::string> files(std::begin(kIdsFiles), std::end(kIdsFiles));
    if (!ids_file_.empty()) files = {ids_file_};
    for (const std::string& file : files) {
      std::ifstream in(file, std::ios::binary);
      if (!in) continue;
      ids_text_.resize(kIdsBytesMax);
      in.read(ids_text_.data(), static_cast<std::streamsize>(ids_text_.size()));
      ids_text_.resize(static_cast<size_t>(in.gcount()));
      return;
    }
  }

  const std::string path_;
  const bool with_names_;
  const std::string ids_file_;
  std::string ids_text_;                               // While new devices are looked up.
  std::map<std::array<uint32_t, 5>, PciNames> names_;  // Of devices seen; without a file, their numbers.
};

}  // namespace

void declare_pcidevice_flags(CollectorFlags& flags, CollectorConfig& config) {
  flags.add("pcidevice.idsfile", &config.pcidevice.ids_file,
            "The pci.ids file with the names; by default /usr/share/misc/pci.ids or /usr/share/hwdata/pci.ids.");
  flags.add("pcidevice.names", &config.pcidevice.names, "Show names of vendors, devices and classes too.");
}

CollectorResult make_pcidevice(const CollectorConfig& config) { return std::make_unique<Pcidevice>(config); }

}  // namespace tidemark::exporter
