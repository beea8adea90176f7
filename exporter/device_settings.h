// What the collectors of devices and those that are off by default can be told; see collector_settings.h.
#pragma once

#include <string>
#include <vector>

#include "exporter/name_filter.h"

namespace tidemark::exporter {

struct BcacheSettings {
  bool priority_stats = false;
};

struct HwmonSettings {
  FilterPatterns chips;
  FilterPatterns sensors;  // Matched against "chip;sensor".
};

struct InfinibandSettings {
  FilterPatterns devices;
};

struct InterruptsSettings {
  FilterPatterns names;  // Matched against "type;info;devices".
  bool include_zeros = true;
};

struct PowersupplyclassSettings {
  std::string ignored = "^$";
};

struct QdiscSettings {
  FilterPatterns devices;
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

struct TapestatsSettings {
  std::string ignored = "^$";
};

}  // namespace tidemark::exporter
