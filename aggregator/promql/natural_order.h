// Natural order: numbers inside text count as numbers, so "cpu10" comes after "cpu9". For sort_by_label().
//
// As in Prometheus, texts are compared by chunks of digits and of other characters, each as a whole: "node1:9100" comes
// before "node.local:9100", as "node" is less than "node.local:". Digits beyond 64 bits are text.
#pragma once

#include <string_view>

namespace tidemark::promql {

bool natural_less(std::string_view a, std::string_view b);

}  // namespace tidemark::promql
