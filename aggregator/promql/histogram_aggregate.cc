#include "aggregator/promql/histogram_aggregate.h"

#include <utility>

namespace tidemark::promql {

Status HistogramFold::add(LabelsView labels, const HistogramColumn& histograms, const Presence& floats) {
  if (Status status = context_.poll(); !status.ok()) return status;
  size_t grown = 0;
  histograms.present.for_each([&](size_t i) {
    const NativeHistogram& h = *histograms.at[i];
    Step& step = steps_[i];
    const bool is_first = step.sum == nullptr && step.mean == nullptr;
    step.behind_floats |= is_first && floats.get(i);
    if (step.incompatible || step.behind_floats) return;
    step.hints.see(h);
    if (is_first) {
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
      step.had_floats = floats.get(i);
    }
    if (outcome.bounds_reconciled) tell_reconciled(context_, "aggregation", at_);
  });
  return charge_.add(grown / sizeof(Sample), grown);
}

void HistogramFold::finish(Column& out) {
  for (size_t i = 0; i < steps_.size(); ++i) {
    Step& step = steps_[i];
    if (step.sum == nullptr && step.mean == nullptr && !step.behind_floats) continue;
    const bool is_mixed = out.present.get(i);
    if (is_mixed) {
      out.present.clear(i);
      if (!step.incompatible || step.had_floats)
        context_.annotations().warn("encountered a mix of histograms and floats for aggregation", at_);
    }
    if (is_mixed || step.incompatible) continue;
    auto result = std::make_shared<NativeHistogram>(mean_ ? step.mean->value() : step.sum->value());
    compact(*result);
    if (step.hints.collide()) warn_collision(context_, "aggregation", at_);
    out.set(i, std::move(result));
    step = Step();
  }
}

}  // namespace tidemark::promql
