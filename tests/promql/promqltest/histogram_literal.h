// {{schema:1 sum:3 count:22 buckets:[5 10 7]}}: native histograms as scripts write them.
//
//   schema:N sum:X count:X                 0 where they are missing
//   buckets:[X ...] offset:N               the positive side, in a row from the place `offset` on
//   n_buckets:[X ...] n_offset:N           the negative side
//   z_bucket:X z_bucket_w:X                the zero bucket's count and threshold
//   custom_values:[X ...]                  bounds, for schema:-53
//   counter_reset_hint:unknown|reset|not_reset|gauge
#pragma once

#include <string>
#include <string_view>

#include "model/native_histogram.h"
#include "model/status.h"

namespace tidemark::promqltest {

struct HistogramLiteral {
  NativeHistogram histogram;
  bool hint_given = false;  // Then it is part of what is expected, else not.
};

// Takes one off the front of `text`, braces included.
Result<HistogramLiteral> take_histogram(std::string_view& text);

// The same text for a histogram, whatever its gaps.
std::string histogram_literal(const NativeHistogram& histogram);

}  // namespace tidemark::promqltest
