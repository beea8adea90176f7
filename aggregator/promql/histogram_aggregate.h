// The native histograms of one group of sum() and avg(), step by step.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "aggregator/promql/column.h"
#include "aggregator/promql/context.h"
#include "aggregator/promql/histogram_messages.h"
#include "model/histogram_math.h"
#include "model/labels.h"
#include "model/status.h"

namespace tidemark::promql {

// One a group; made when the first histogram comes. `at` is where messages point.
class HistogramFold {
 public:
  HistogramFold(QueryContext& context, bool mean, size_t steps, TextOffset at)
      : context_(context), charge_(context), mean_(mean), at_(at), steps_(steps) {}

  Status add(LabelsView labels, const HistogramColumn& histograms);

  // Adds the results to `out`, which holds those of the group's floats. A step that has both has neither, which is
  // told; so has one whose histograms cannot be added.
  void finish(Column& out);

 private:
  struct Step {
    std::unique_ptr<HistogramSum> sum;    // One of the two,
    std::unique_ptr<HistogramMean> mean;  // or none: nothing was there.
    HintCollision hints;
    bool incompatible = false;
  };

  QueryContext& context_;
  Charge charge_;
  const bool mean_;
  const TextOffset at_;
  std::vector<Step> steps_;
};

}  // namespace tidemark::promql
