// Rollup chunks: the buckets of one series in one window of a rollup tier, as they lie in the chunks family under the
// key (tier, window, series, the window's start, version 0). There is one a series and window; folding another day of
// the window, or the same one again, replaces it.
//
//   format:1 (1) | varint(buckets) | scale:1 | shape:1 | columns (int_column.h) | checksum:4
//
//   scale   0..15: values are decimals, multiplied by ten to that power and exact
//           255: values are the bits of the doubles
//   shape   which column says what, the cheapest for this chunk: bit 0, extremes first; bits 1..2, what predicts sums;
//           bit 3, values are next to decimals
//
// Columns, one number a bucket; those that are what is to be expected (a constant series, a steady scrape, a counter
// without resets) are all zero, or constant, and cost a byte or two.
//   times    last_ms, last_ms - first_ms, stale_ms - last_ms + 1 or 0
//   counts   count, resets
//   values   extremes first: min, max - min, first - min, last - min      (gauges: noise within narrow bounds)
//            else:           last, last - first, min(first, last) - min, max - max(first, last)     (counters)
//            next to decimals: for first, last, min and max how many doubles lie between value and decimal
//   sum      minus the prediction: 0, count * (first + last) / 2 or count * (min + max) / 2
//   resets   resets_sum minus resets * sum / count
// As bits of doubles there are no predictions for the last two.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/storage/rollup.h"
#include "model/status.h"

namespace tidemark::storage {

// Buckets in a window's chunk: a day of 5m ones and the two that are shared with its neighbours; eight of 1h.
inline constexpr size_t kRollupBucketsMax = 1024;

// Sums are exact to the last bits only: to those of a sum of doubles. All else is bit-exact. REQUIRES: at least one
// bucket, at most kRollupBucketsMax, by rising last_ms.
std::string encode_rollup(std::span<const Bucket> buckets);

Result<std::vector<Bucket>> parse_rollup(std::string_view bytes);

}  // namespace tidemark::storage
