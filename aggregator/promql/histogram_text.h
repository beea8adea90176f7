// A native histogram as text.
#pragma once

#include <string>

#include "model/native_histogram.h"

namespace tidemark::promql {

// As count_values() names it: "{count:12, sum:18.4, [-0.001,0.001]:2, (0.5,1]:3}". Buckets in brackets or parentheses
// as their bounds belong to them; empty ones are left out.
std::string histogram_text(const NativeHistogram& histogram);

}  // namespace tidemark::promql
