#include "exporter/pci_ids.h"

#include <fmt/format.h>

#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

// The name on `line` if it is "KEY  NAME".
bool is_entry(std::string_view line, std::string_view key, std::string_view& name) {
  if (!line.starts_with(key) || !line.substr(key.size()).starts_with("  ")) return false;
  name = trimmed(line.substr(key.size()));
  return true;
}

}  // namespace

PciNames find_pci_names(std::string_view ids_file, const PciNumbers& numbers) {
  PciNames out;
  out.vendor = fmt::format("{:04x}", numbers.vendor);
  out.device = fmt::format("{:04x}", numbers.device);
  out.subsystem_vendor = fmt::format("{:04x}", numbers.subsystem_vendor);
  out.subsystem_device = fmt::format("{:04x}", numbers.subsystem_device);
  out.class_name = fmt::format("Unknown class ({:06x})", numbers.class_code);

  const std::string vendor = out.vendor;
  const std::string device = out.device;
  const std::string subsystem_vendor = out.subsystem_vendor;
  const std::string subsystem = fmt::format("{} {}", out.subsystem_vendor, out.subsystem_device);
  const std::string base_class = fmt::format("C {:02x}", numbers.class_code >> 16 & 0xFF);
  const std::string subclass = fmt::format("{:02x}", numbers.class_code >> 8 & 0xFF);
  const std::string interface = fmt::format("{:02x}", numbers.class_code & 0xFF);
  bool in_vendor = false;  // In the part of the file below it, as are the others.
  bool in_device = false;
  bool in_class = false;
  bool in_subclass = false;
  while (!ids_file.empty()) {
    const std::string_view line = next_line(ids_file);
    std::string_view name;
    if (line.empty() || line[0] == '#') continue;
    if (line.starts_with("\t\t")) {
      if (in_device && is_entry(line.substr(2), subsystem, name)) out.subsystem_device = name;
      if (in_subclass && is_entry(line.substr(2), interface, name)) out.class_name = name;
    } else if (line[0] == '\t') {
      in_device = in_vendor && is_entry(line.substr(1), device, name);
      if (in_device) out.device = name;
      in_subclass = in_class && is_entry(line.substr(1), subclass, name);
      if (in_subclass) out.class_name = name;
    } else {
      in_device = in_subclass = false;
      in_vendor = is_entry(line, vendor, name);
      if (in_vendor) out.vendor = name;
      if (is_entry(line, subsystem_vendor, name)) out.subsystem_vendor = name;
      in_class = is_entry(line, base_class, name);
      if (in_class) out.class_name = name;
    }
  }
  return out;
}

}  // namespace tidemark::exporter
