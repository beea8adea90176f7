// Targets as a source of them tells: what all its targets have in common, and what each has of its own.
#pragma once

#include <string>
#include <vector>

#include "model/labels.h"

namespace tidemark::discovery {

inline constexpr std::string_view kAddressLabel = "__address__";

struct TargetGroup {
  std::string source;           // Names the group within its provider: "targets.json:0".
  Labels labels;                // Of every target; a target's own win.
  std::vector<Labels> targets;  // At least __address__ each.
};

}  // namespace tidemark::discovery
