// PciIds: names of PCI devices, from the pci.ids file of the PCI ID project as distributions ship it:
//
//   8086  Intel Corporation                      a vendor
//   <tab>1533  I210 Gigabit Network Connection   its device
//   <tab><tab>103c 0003  Ethernet I210-T1 GbE    vendor and device of a subsystem made from that
//   C 02  Network controller                     a class, after all vendors
//   <tab>00  Ethernet controller                 its subclass
//   <tab><tab>30  XHCI                           that one's programming interface
//
// The file has a megabyte and more and a host some dozen devices, so nothing of it is kept: it is searched once for
// each new device.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tidemark::exporter {

struct PciNumbers {
  uint32_t vendor = 0;
  uint32_t device = 0;
  uint32_t subsystem_vendor = 0;
  uint32_t subsystem_device = 0;
  uint32_t class_code = 0;  // Class, subclass and programming interface, a byte each.
};

// What is not in the file is named by its number ("1533"); a class by "Unknown class (020000)".
struct PciNames {
  std::string vendor;
  std::string device;
  std::string subsystem_vendor;
  std::string subsystem_device;
  std::string class_name;  // Of the most exact one there is.
};
PciNames find_pci_names(std::string_view ids_file, const PciNumbers& numbers);

}  // namespace tidemark::exporter
