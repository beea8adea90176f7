// The one list of collectors: name, whether it runs without being asked for, how it is made, and its flags.
#pragma once

#include <span>
#include <string_view>

#include "exporter/collectors/collectors.h"

namespace tidemark::exporter {

struct CollectorEntry {
  std::string_view name;  // As in --collector.NAME and collect[]=NAME.
  bool on_by_default;
  CollectorResult (*make)(const CollectorConfig& config);
  void (*declare_flags)(CollectorFlags& flags, CollectorConfig& config) = nullptr;  // Null: it has none.
};

std::span<const CollectorEntry> collector_table();  // Sorted by name.

}  // namespace tidemark::exporter
