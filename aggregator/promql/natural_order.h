// Natural order: numbers inside text count as numbers, so "cpu10" comes after "cpu9". For sort_by_label().
#pragma once

#include <string_view>

namespace tidemark::promql {

bool natural_less(std::string_view a, std::string_view b);

}  // namespace tidemark::promql
