// What the collectors of devices and those that are off by default can be told; see collector_settings.h.
#pragma once

#include <string>
#include <vector>

#include "exporter/name_filter.h"

namespace tidemark::exporter {

struct HwmonSettings {
  FilterPatterns chips;
  FilterPatterns sensors;  // Matched against "chip;sensor".
};

struct InterruptsSettings {
  FilterPatterns names;  // Matched against "type;info;devices".
  bool include_zeros = true;
};

struct PowersupplyclassSettings {
  std::string ignored = "^$";
};

struct RaplSettings {
  bool zone_label = false;
};

struct SlabinfoSettings {
  FilterPatterns slabs = {".*", ""};
};

struct SysctlSettings {
  std::vector<std::string> include;
  std::vector<std::string> include_info;
};

}  // namespace tidemark::exporter
