// node_exporter's collectors that are not part of this exporter, and their flags. Manifests and unit files name them:
// turning one off is fine, turning one on is an error that says what to do instead, a flag of one changes nothing.
#pragma once

#include <span>
#include <string_view>

#include "exporter/collector_flags.h"

namespace tidemark::exporter {

struct LackingFlag {
  std::string_view name;  // Without "collector.".
  CollectorFlags::Kind kind = CollectorFlags::Kind::kValue;
};

struct LackingCollector {
  std::string_view name;
  std::string_view instead;  // What to do, as the end of an error message.
  std::span<const LackingFlag> flags;
};

std::span<const LackingCollector> lacking_collectors();  // Sorted by name.

}  // namespace tidemark::exporter
