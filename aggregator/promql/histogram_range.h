// Functions of a window over series that have native histograms, alone or among floats.
//
// What a window with both kinds answers is the function's own: a sum or a rate of the two is refused with a warning,
// changes() takes the one as a change of the other, and what knows floats only takes those and tells that it did. A
// window of floats alone is the float function's.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "aggregator/promql/annotations.h"
#include "aggregator/promql/ast.h"
#include "aggregator/promql/column.h"
#include "aggregator/promql/context.h"
#include "aggregator/promql/histogram_buffer.h"
#include "aggregator/promql/histogram_extended.h"
#include "aggregator/promql/range_functions.h"
#include "aggregator/promql/select.h"
#include "model/labels.h"
#include "model/status.h"

namespace tidemark::promql {

// One a call; holds the state of one series at a time.
class HistogramRange {
 public:
  // `floats` is the function of that name and extension for floats; `at` where messages point. All are outlived.
  HistogramRange(QueryContext& context, std::string_view function, VectorSelector::Extension extension,
                 RangeFunction& floats, TextOffset at);

  // As WindowPlan::apply(), for a series that has histograms. Rollups do not hold any, so the windows are as written.
  Status over_windows(LabelsView labels, const Samples& samples, const Histograms& histograms, const RangeSpec& spec,
                      std::span<const Column> arguments, Column& out);

 private:
  enum class Rule {
    kFloatsOnly,
    kExtrapolated,  // rate, increase, delta
    kLastTwo,       // irate, idelta
    kSum,
    kMean,
    kCount,
    kPresent,
    kFirst,
    kLast,
    kTimeOfFirst,
    kTimeOfLast,
    kChanges,
    kResets,
  };
  // A sample of either kind.
  struct Any {
    int64_t t_ms = 0;
    double v = 0;
    const HistogramRef* histogram = nullptr;
    size_t place = 0;  // Among the series' samples of its kind.
  };

  static Rule rule_of(std::string_view function);
  void value(const Window& window, const HistogramWindow& part, size_t step, Column& out);
  void both(const Window& window, const HistogramWindow& part, size_t step, Column& out);
  void histograms_only(const Window& window, const HistogramWindow& part, size_t step, Column& out);
  void extrapolated(const Window& window, const HistogramWindow& part, size_t step, Column& out);
  void extended(const Window& window, const HistogramWindow& part, size_t step, Column& out);
  void last_two(const Window& window, const HistogramWindow& part, size_t step, Column& out);
  std::shared_ptr<NativeHistogram> increase(const HistogramWindow& part);
  int64_t start_within(const Window& window, const HistogramWindow& part) const;
  void warn_overlaps(const HistogramWindow& part);
  template <class Total>
  void fold(const HistogramWindow& part, size_t step, Column& out);
  void sum(const HistogramWindow& part, size_t step, Column& out);
  void mean(const HistogramWindow& part, size_t step, Column& out);
  double transitions(const Window& window, const HistogramWindow& part) const;
  template <class F>
  void for_each_sample(const Window& window, const HistogramWindow& part, F f) const;

  // The histograms' times and start times, for what needs no values.
  Samples times() const { return {.t_ms = histograms_.t_ms, .v = {}, .start_ms = histograms_.start_ms}; }
  const NativeHistogram& at(size_t i) const { return *histograms_.at[i]; }
  void warn_mixed_kinds();
  void warn_mixed_schemas();
  void warn_not_counter();
  void warn_not_gauge();
  void tell_reconciled(std::string_view operation);

  QueryContext& context_;
  RangeFunction& floats_;
  const TextOffset at_;
  const VectorSelector::Extension extension_;
  const Rule rule_;
  const bool counter_;     // Falls are resets.
  const bool per_second_;  // rate, irate

  // Of the series at hand.
  std::string_view metric_;
  Samples samples_;
  Histograms histograms_;
  std::vector<bool> resets_;  // Whether each begins anew after the one before it; for counters and resets().
};

}  // namespace tidemark::promql
