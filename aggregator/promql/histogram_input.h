// What functions of histograms find in a vector: native histograms, each a sample, and classic ones, one series a
// bucket with its upper bound in the label `le`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "aggregator/promql/column.h"
#include "aggregator/promql/context.h"
#include "aggregator/promql/quantile.h"
#include "aggregator/promql/series.h"
#include "model/labels.h"

namespace tidemark::promql {

// The bucket series that differ in `le` only.
struct ClassicHistogram {
  struct BucketSeries {
    double upper_bound;
    const Column* counts;
  };
  Labels labels;                      // Without `le`.
  std::vector<BucketSeries> buckets;  // By bound.
  Presence excluded;                  // Steps at which a native histogram of the same labels stands beside it.

  // Of one step; overwrites `out`. None where it is excluded.
  void buckets_at(size_t step, std::vector<Bucket>& out) const;
};

struct HistogramInput {
  struct Native {
    const Series* series;
    Presence usable;  // Steps with a histogram that no classic one stands beside.
  };
  std::vector<Native> native;
  std::vector<ClassicHistogram> classic;
};

// Warns of series that are neither, and of those that are both at a step: there, neither counts. The matrix must
// outlive the result. `at` is where its expression begins.
Result<HistogramInput> split_histograms(QueryContext& context, const Matrix& input, size_t steps, TextOffset at);

// The name that messages about a histogram show: none where names are dropped at once.
std::string_view shown_name(const QueryContext& context, LabelsView labels);

}  // namespace tidemark::promql
