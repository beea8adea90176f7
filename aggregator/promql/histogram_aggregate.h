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

  // `floats`: where the group has had some.
  Status add(LabelsView labels, const HistogramColumn& histograms, const Presence& floats);

  // Adds the results to `out`, which holds those of the group's floats. A step that has both has neither, which is
  // told; so has one whose histograms cannot be added. Where a step has both faults, what comes behind the first one
  // is not looked at any more, as in Prometheus.
  void finish(Column& out);

 private:
  struct Step {
    std::unique_ptr<HistogramSum> sum;    // One of the two,
    std::unique_ptr<HistogramMean> mean;  // or none: nothing was there.
    HintCollision hints;
    bool behind_floats = false;  // They came first, and it is mixed.
    bool incompatible = false;
    bool had_floats = false;  // By the time it was found incompatible.
  };

  QueryContext& context_;
  Charge charge_;
  const bool mean_;
  const TextOffset at_;
  std::vector<Step> steps_;
};

}  // namespace tidemark::promql
