// Quantiles: of values, and of a classic histogram's buckets.
#pragma once

#include <span>
#include <vector>

#include "aggregator/promql/context.h"
#include "model/status.h"

namespace tidemark::promql {

// The q-quantile with linear interpolation between the two nearest values; NaN sorts below every number.
// NaN when q is NaN or there are no values, -Inf for q < 0, +Inf for q > 1. Reorders the values.
double quantile(double q, std::span<double> values);

// The same, and ends with the query.
Status quantile(const QueryContext& context, double q, std::span<double> values, double& out);

struct Bucket {
  double upper_bound = 0;  // Inclusive: the label `le`.
  double count = 0;        // Of all observations up to the bound.
};

// REQUIRES: sorted by bound, not empty.
void add_up_equal_bounds(std::vector<Bucket>& buckets);

struct BucketQuantile {
  double value = 0;
  // Counts fell where they should only rise, by more than rounding explains, and were raised. The rest tells where.
  bool forced_monotonic = false;
  double min_bound = 0;
  double max_bound = 0;
  double max_difference = 0;
};

// The q-quantile, linearly interpolated inside its bucket. Buckets with equal bounds are added up. NaN without an
// +Inf bucket, with fewer than two buckets or no observations; the second highest bound when it lies in the highest
// bucket. The first bucket begins at 0 when its bound is positive, else its bound is the answer.
// REQUIRES: buckets sorted by bound, not empty. Changes them.
BucketQuantile bucket_quantile(double q, std::vector<Bucket>& buckets);

}  // namespace tidemark::promql
