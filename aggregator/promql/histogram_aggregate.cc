#include "aggregator/promql/histogram_aggregate.h"

#include <utility>

namespace tidemark::promql {

Status HistogramFold::add(LabelsView labels, const HistogramColumn& histograms) {
  if (Status status = context_.poll(); !status.ok()) return status;
  size_t grown = 0;
  histograms.present.for_each([&](size_t i) {
    const NativeHistogram& h = *histograms.at[i];
    Step& step = steps_[i];
    if (step.incompatible) return;
    step.hints.see(h);
    if (step.sum == nullptr && step.mean == nullptr) {
      if (mean_) {
        step.mean = std::make_unique<HistogramMean>(h);
      } else {
        step.sum = std::make_unique<HistogramSum>(h);
      }
      grown += 2 * h.bytes();
      return;
    }
    const HistogramOutcome outcome = mean_ ? step.mean->add(h) : step.sum->add(h);
    if (outcome.incompatible) {
      warn_mixed_schemas(context_, labels.metric_name(), at_);
      step.incompatible = true;
    }
    if (outcome.bounds_reconciled) tell_reconciled(context_, "aggregation", at_);
  });
  return charge_.add(grown / sizeof(Sample), grown);
}

void HistogramFold::finish(Column& out) {
  for (size_t i = 0; i < steps_.size(); ++i) {
    Step& step = steps_[i];
    if (step.sum == nullptr && step.mean == nullptr) continue;
    if (out.present.get(i)) {
      out.present.clear(i);
      context_.annotations().warn("encountered a mix of histograms and floats for aggregation", at_);
      continue;
    }
    if (step.incompatible) continue;
    auto result = std::make_shared<NativeHistogram>(mean_ ? step.mean->value() : step.sum->value());
    compact(*result);
    if (step.hints.collide()) warn_collision(context_, "aggregation", at_);
    out.set(i, std::move(result));
    step = Step();
  }
}

}  // namespace tidemark::promql
