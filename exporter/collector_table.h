// The one list of collectors: name, whether it runs without being asked for, and how it is made.
#pragma once

#include <span>
#include <string_view>

#include "exporter/collectors/collectors.h"

namespace tidemark::exporter {

struct CollectorEntry {
  std::string_view name;  // As in --collector.NAME and collect[]=NAME.
  bool on_by_default;
  CollectorResult (*make)(const CollectorConfig& config);
};

std::span<const CollectorEntry> collector_table();  // Sorted by name.

}  // namespace tidemark::exporter
