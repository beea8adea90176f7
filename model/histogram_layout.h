// What bringing two histograms to one layout is made of; for histogram_math and its neighbours only. A side's buckets
// may have compensations beside them, one for each count: what rounding took from it (Kahan).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/compensated_sum.h"
#include "model/native_histogram.h"

namespace tidemark::histogram_layout {

// One side with its compensations; `c` is empty where there are none to speak of.
struct Side {
  BucketList list;
  std::vector<double> c;
};

// The buckets at a lower resolution. With `c_out` sums are compensated, and start from those in `c_in` (empty: zeros).
BucketList reduced(const BucketList& in, int32_t from, int32_t to, std::span<const double> c_in = {},
                   std::vector<double>* c_out = nullptr);

// What the zero bucket would be with a larger threshold, and that threshold: raised until it cuts no populated bucket.
struct ZeroBucket {
  CompensatedSum count;
  double threshold = 0;
};
ZeroBucket widened_zero_bucket(const NativeHistogram& h, double threshold, double zero_c = 0,
                               std::span<const double> positive_c = {}, std::span<const double> negative_c = {});

// Without the buckets that begin below the threshold, and without empty ones. With `c` its entries go with them.
void drop_below(BucketList& list, int32_t schema, double threshold, std::vector<double>* c = nullptr);

// Bounds that both have.
std::vector<double> common_bounds(const std::vector<double>& a, const std::vector<double>& b);

// Adds (or takes away) custom buckets to those they are part of; `into` has one more than bounds `to`.
void add_to_bounds(const BucketList& list, const std::vector<double>& from, const std::vector<double>& to, bool negate,
                   std::span<const double> c, std::vector<CompensatedSum>& into);

}  // namespace tidemark::histogram_layout
