// The buckets of a native histogram as ranges of numbers.
#pragma once

#include <cstdint>
#include <vector>

#include "model/native_histogram.h"

namespace tidemark {

struct HistogramBucket {
  double lower = 0;
  double upper = 0;
  bool lower_inclusive = false;
  bool upper_inclusive = false;
  double count = 0;
};

// The upper bound, as an absolute value, of the bucket at `place` of an exponential schema. 0 and infinity where it is
// beyond what a double holds, but the largest double for the last bucket below infinity.
double exponential_bound(int32_t place, int32_t schema);

// All listed buckets from the lowest to the highest, the zero bucket between them where it has observations. Buckets
// that reach into the zero bucket end where it begins. Overwrites `out`. REQUIRES: a valid histogram.
void list_buckets(const NativeHistogram& histogram, std::vector<HistogramBucket>& out);

// What part of a bucket's observations lies below `v`: taken as spread evenly (`linear`), or evenly on a logarithmic
// scale. REQUIRES: v inside the bucket, its bounds finite; not linear: both of one sign.
double fraction_below(const HistogramBucket& bucket, double v, bool linear);

// The bounds of the bucket at `place` of a side, counts left 0.
HistogramBucket positive_bucket(const NativeHistogram& histogram, int32_t place);
HistogramBucket negative_bucket(const NativeHistogram& histogram, int32_t place);

}  // namespace tidemark
