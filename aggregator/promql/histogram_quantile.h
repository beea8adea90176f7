// Quantiles and fractions of the observations in a histogram, native or classic: found by counting buckets, and guessed
// inside the one bucket that holds the answer.
#pragma once

#include <vector>

#include "aggregator/promql/quantile.h"
#include "model/histogram_buckets.h"
#include "model/native_histogram.h"

namespace tidemark::promql {

// What NaN observations, which lie in no bucket but count, did to an answer.
enum class NaNEffect {
  kNone,
  kResultIsNaN,   // The quantile lies among them.
  kSkewedHigher,  // They count as greater than all others.
  kExcluded,      // They are in no fraction.
};

struct HistogramAnswer {
  double value = 0;
  NaNEffect nan_effect = NaNEffect::kNone;
};

// The q-quantile. Interpolated on a logarithmic scale, but linearly in custom buckets and around zero. -Inf and +Inf
// for q beyond 0 and 1; NaN without observations. `buckets` is overwritten, to be used again.
HistogramAnswer native_quantile(double q, const NativeHistogram& histogram, std::vector<HistogramBucket>& buckets);

// Which part of all observations lies between two values.
HistogramAnswer native_fraction(double lower, double upper, const NativeHistogram& histogram,
                                std::vector<HistogramBucket>& buckets);

// The same of classic buckets; of those with equal bounds the counts are added up. NaN without an +Inf bucket.
// REQUIRES: buckets sorted by bound, not empty. Changes them.
double classic_fraction(double lower, double upper, std::vector<Bucket>& buckets);

// Estimated from the middles of the buckets.
double native_variance(const NativeHistogram& histogram, std::vector<HistogramBucket>& buckets);

}  // namespace tidemark::promql
