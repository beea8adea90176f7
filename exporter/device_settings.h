// What the collectors of devices and those that are off by default can be told; see collector_settings.h.
#pragma once

#include <string>

#include "exporter/name_filter.h"

namespace tidemark::exporter {

struct HwmonSettings {
  FilterPatterns chips;
  FilterPatterns sensors;  // Matched against "chip;sensor".
};

struct PowersupplyclassSettings {
  std::string ignored = "^$";
};

struct RaplSettings {
  bool zone_label = false;
};

}  // namespace tidemark::exporter
