// References to groups in a replacement text, as Go's Regexp.Expand reads them: $1 ${1} $name ${name}.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace tidemark {

struct GroupReference {
  std::string_view name;
  int number = -1;   // -1: the group that has the name. So is 01, and what has more than nine digits.
  size_t bytes = 0;  // What it takes of the text.
};

// What begins behind a "$", or nothing where the "$" stands for itself. The longest name counts, and a name may have
// letters of any script: $1é is the group "1é". "$$" is the caller's.
std::optional<GroupReference> group_reference_at(std::string_view text);

}  // namespace tidemark
