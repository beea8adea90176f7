#include "aggregator/promql/histogram_range.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <utility>

#include "aggregator/promql/histogram_messages.h"
#include "aggregator/promql/quote.h"
#include "aggregator/promql/start_times.h"
#include "model/histogram_math.h"

namespace tidemark::promql {
namespace {

double seconds(int64_t ms) { return static_cast<double>(ms) / 1000; }

}  // namespace

HistogramRange::HistogramRange(QueryContext& context, std::string_view function, VectorSelector::Extension extension,
                               RangeFunction& floats, TextOffset at)
    : context_(context),
      floats_(floats),
      at_(at),
      extension_(extension),
      rule_(rule_of(function)),
      counter_(function == "rate" || function == "increase" || function == "irate"),
      per_second_(function == "rate" || function == "irate") {}

HistogramRange::Rule HistogramRange::rule_of(std::string_view function) {
  constexpr std::array<std::pair<std::string_view, Rule>, 16> kRules = {{
      {"absent_over_time", Rule::kPresent},
      {"avg_over_time", Rule::kMean},
      {"changes", Rule::kChanges},
      {"count_over_time", Rule::kCount},
      {"delta", Rule::kExtrapolated},
      {"first_over_time", Rule::kFirst},
      {"idelta", Rule::kLastTwo},
      {"increase", Rule::kExtrapolated},
      {"irate", Rule::kLastTwo},
      {"last_over_time", Rule::kLast},
      {"present_over_time", Rule::kPresent},
      {"rate", Rule::kExtrapolated},
      {"resets", Rule::kResets},
      {"sum_over_time", Rule::kSum},
      {"ts_of_first_over_time", Rule::kTimeOfFirst},
      {"ts_of_last_over_time", Rule::kTimeOfLast},
  }};
  for (const auto& [name, rule] : kRules) {
    if (name == function) return rule;
  }
  return Rule::kFloatsOnly;
}

Status HistogramRange::over_windows(LabelsView labels, const Samples& samples, const Histograms& histograms,
                                    const RangeSpec& spec, std::span<const Column> arguments, Column& out) {
  metric_ = labels.metric_name();
  samples_ = samples;
  histograms_ = histograms;
  resets_.assign(histograms.size(), false);
  if (counter_ || rule_ == Rule::kResets) {
    for (size_t i = 1; i < histograms.size(); ++i) resets_[i] = restarted(times(), i) || is_reset(at(i - 1), at(i));
  }
  floats_.begin(samples);
  out.reset(spec.grid.steps);
  Window window;
  HistogramWindow part;
  for (size_t step = 0; step < spec.grid.steps; ++step) {
    if (Status status = context_.poll(); !status.ok()) return status;
    window.range_end_ms = spec.end_ms(step);
    window.range_start_ms = spec.begin_ms(step);
    window.eval_ms = spec.grid.time_ms(step);
    const int64_t after_ms = TimeShift::earlier(window.range_start_ms, spec.reach.before_ms);
    const int64_t until_ms = TimeShift::earlier(window.range_end_ms, -spec.reach.after_ms);
    const auto move = [&](std::span<const int64_t> t_ms, size_t& begin, size_t& end) {
      while (begin < t_ms.size() && t_ms[begin] <= after_ms) ++begin;
      end = std::max(end, begin);
      while (end < t_ms.size() && t_ms[end] <= until_ms) ++end;
    };
    move(samples.t_ms, window.begin, window.end);
    move(histograms.t_ms, part.begin, part.end);
    for (size_t i = 0; i < arguments.size(); ++i) window.arguments[i] = arguments[i].v[step];
    value(window, part, step, out);
  }
  return {};
}

void HistogramRange::value(const Window& window, const HistogramWindow& part, size_t step, Column& out) {
  const bool has_floats = window.begin < window.end;
  if (part.size() > 0 && extension_ != VectorSelector::Extension::kNone) return extended(window, part, step, out);
  if (has_floats && part.size() > 0) return both(window, part, step, out);
  if (part.size() > 0) return histograms_only(window, part, step, out);
  double v = 0;
  if (has_floats && floats_.value(window, v)) out.set(step, v);
}

void HistogramRange::both(const Window& window, const HistogramWindow& part, size_t step, Column& out) {
  const size_t last_float = window.end - 1;
  const size_t last_histogram = part.end - 1;
  const bool float_first = samples_.t_ms[window.begin] < histograms_.t_ms[part.begin];
  const bool float_last = samples_.t_ms[last_float] > histograms_.t_ms[last_histogram];
  switch (rule_) {
    case Rule::kFloatsOnly: {
      context_.annotations().info(
          "ignored histograms in a range containing both floats and histograms for metric name " + quoted(metric_),
          at_);
      double v = 0;
      if (floats_.value(window, v)) out.set(step, v);
      return;
    }
    case Rule::kExtrapolated:
    case Rule::kSum:
    case Rule::kMean:
      return warn_mixed_kinds();
    case Rule::kLastTwo:
      return last_two(window, part, step, out);
    case Rule::kCount:
      return out.set(step, static_cast<double>(window.end - window.begin + part.size()));
    case Rule::kPresent:
      return out.set(step, 1);
    case Rule::kFirst:
      if (float_first) return out.set(step, samples_.v[window.begin]);
      return out.set(step, histograms_.at[part.begin]);
    case Rule::kLast:
      if (float_last) return out.set(step, samples_.v[last_float]);
      return out.set(step, histograms_.at[last_histogram]);
    case Rule::kTimeOfFirst:
      return out.set(step, seconds(std::min(samples_.t_ms[window.begin], histograms_.t_ms[part.begin])));
    case Rule::kTimeOfLast:
      return out.set(step, seconds(std::max(samples_.t_ms[last_float], histograms_.t_ms[last_histogram])));
    case Rule::kChanges:
    case Rule::kResets:
      return out.set(step, transitions(window, part));
  }
}

void HistogramRange::histograms_only(const Window& window, const HistogramWindow& part, size_t step, Column& out) {
  switch (rule_) {
    case Rule::kFloatsOnly:
      return;
    case Rule::kExtrapolated:
      return extrapolated(window, part, step, out);
    case Rule::kLastTwo:
      return last_two(window, part, step, out);
    case Rule::kSum:
      return sum(part, step, out);
    case Rule::kMean:
      return mean(part, step, out);
    case Rule::kCount:
      return out.set(step, static_cast<double>(part.size()));
    case Rule::kPresent:
      return out.set(step, 1);
    case Rule::kFirst:
      return out.set(step, histograms_.at[part.begin]);
    case Rule::kLast:
      return out.set(step, histograms_.at[part.end - 1]);
    case Rule::kTimeOfFirst:
      return out.set(step, seconds(histograms_.t_ms[part.begin]));
    case Rule::kTimeOfLast:
      return out.set(step, seconds(histograms_.t_ms[part.end - 1]));
    case Rule::kChanges:
    case Rule::kResets:
      return out.set(step, transitions(window, part));
  }
}

// Stretched to the window's ends as floats are (rate.cc); a counter of which all was 0 at some time, by its count.
void HistogramRange::extrapolated(const Window& window, const HistogramWindow& part, size_t step, Column& out) {
  const int64_t start_ms = start_within(window, part);
  if (part.size() < 2 && start_ms == kNoStart) return;
  std::shared_ptr<NativeHistogram> increased;
  if (part.size() > 1) {
    increased = increase(part);
    if (increased == nullptr) return;
  }
  const int64_t first_ms = histograms_.t_ms[part.begin];
  const int64_t last_ms = histograms_.t_ms[part.end - 1];
  double sampled = seconds(last_ms - first_ms);
  const double mean_distance = part.size() > 1 ? sampled / static_cast<double>(part.size() - 1) : 0;
  const double near = mean_distance * 1.1;
  double to_start = seconds(first_ms - window.range_start_ms);
  double to_end = seconds(window.range_end_ms - last_ms);
  if (start_ms != kNoStart) {
    to_start = 0;
    sampled = seconds(last_ms - start_ms);
    if (increased == nullptr) {
      increased = std::make_shared<NativeHistogram>(at(part.begin));
    } else {
      const HistogramOutcome outcome = add(*increased, at(part.begin));
      if (outcome.incompatible) return warn_mixed_schemas();
      if (outcome.bounds_reconciled) tell_reconciled("addition");
    }
  } else {
    if (to_start >= near) to_start = mean_distance / 2;
    const double first_count = at(part.begin).count;
    if (counter_ && increased->count > 0 && first_count >= 0) {
      to_start = std::min(to_start, sampled * (first_count / increased->count));
    }
  }
  if (to_end >= near) to_end = mean_distance / 2;
  double factor = sampled == 0 ? 1.0 : (sampled + to_start + to_end) / sampled;
  if (per_second_) factor /= seconds(window.range_end_ms - window.range_start_ms);
  multiply(*increased, factor);
  out.set(step, std::move(increased));
}

// When the counter was 0 before the window's first sample, if that says so and it is within the range; else kNoStart.
int64_t HistogramRange::start_within(const Window& window, const HistogramWindow& part) const {
  if (!counter_ || histograms_.start_ms.empty()) return kNoStart;
  const int64_t start_ms = histograms_.start_ms[part.begin];
  return start_ms > window.range_start_ms && start_ms < histograms_.t_ms[part.begin] ? start_ms : kNoStart;
}

void HistogramRange::warn_overlaps(const HistogramWindow& part) {
  for (size_t i = part.begin + 1; i < part.end; ++i) {
    if (!starts_overlap(times(), i)) continue;
    context_.annotations().warn_counted(
        "sample has start time that overlaps with previous sample timestamp for metric " + quoted(metric_), at_, 1);
    return;
  }
}

// Null when there is none, which has been told. Otherwise a gauge without empty buckets.
std::shared_ptr<NativeHistogram> HistogramRange::increase(const HistogramWindow& part) {
  const NativeHistogram& last = at(part.end - 1);
  NativeHistogram first;
  if (counter_ && resets_[part.begin + 1]) {  // It began from nothing.
    first.schema = at(part.begin + 1).schema;
    first.bounds = at(part.begin + 1).bounds;
  } else {
    first = at(part.begin);
  }
  const bool custom = first.has_custom_buckets();
  const auto is_gauge = [&](size_t i) { return at(i).reset == CounterReset::kGauge; };
  if (counter_ && (is_gauge(part.begin) || is_gauge(part.end - 1))) warn_not_counter();
  if (last.has_custom_buckets() != custom) {
    warn_mixed_schemas();
    return nullptr;
  }
  int32_t schema = std::min(last.schema, first.schema);
  for (size_t i = part.begin + 1; counter_ && i + 1 < part.end; ++i) {
    if (is_gauge(i)) warn_not_counter();
    schema = std::min(schema, at(i).schema);
    if (at(i).has_custom_buckets() == custom) continue;
    warn_mixed_schemas();
    return nullptr;
  }
  auto h = std::make_shared<NativeHistogram>(last);
  reduce_resolution(*h, schema);
  if (subtract(*h, first).bounds_reconciled) tell_reconciled("subtraction");
  if (counter_) warn_overlaps(part);
  for (size_t i = part.begin + 2; counter_ && i < part.end; ++i) {
    if (!resets_[i]) continue;
    const HistogramOutcome outcome = add(*h, at(i - 1));
    if (outcome.bounds_reconciled) tell_reconciled("addition");
  }
  if (!counter_ && !(is_gauge(part.begin) && is_gauge(part.end - 1))) warn_not_gauge();
  h->reset = CounterReset::kGauge;
  compact(*h);
  return h;
}

// Windows that reach beyond their range, of the functions that make_extended_function() knows.
void HistogramRange::extended(const Window& window, const HistogramWindow& part, size_t step, Column& out) {
  if (rule_ == Rule::kExtrapolated) {
    if (window.begin < window.end) return warn_mixed_kinds();
    const bool smoothed = extension_ == VectorSelector::Extension::kSmoothed;
    auto result = ExtendedHistograms(context_, metric_, histograms_, at_)
                      .increase(window, part, {.counter = counter_, .per_second = per_second_, .smoothed = smoothed});
    if (result != nullptr) out.set(step, std::move(result));
    return;
  }
  // Changes and resets, from the last sample at or before the range's start on, whichever kind that is.
  const auto first_behind = [&](std::span<const int64_t> t_ms, size_t begin, size_t end) {
    return begin +
           static_cast<size_t>(std::upper_bound(t_ms.begin() + static_cast<ptrdiff_t>(begin),
                                                t_ms.begin() + static_cast<ptrdiff_t>(end), window.range_start_ms) -
                               t_ms.begin() - static_cast<ptrdiff_t>(begin));
  };
  Window floats = window;
  HistogramWindow some = part;
  floats.begin = first_behind(samples_.t_ms, window.begin, window.end);
  some.begin = first_behind(histograms_.t_ms, part.begin, part.end);
  if (floats.begin == floats.end && some.begin == some.end) return;
  const bool has_float = floats.begin > window.begin;
  const bool has_histogram = some.begin > part.begin;
  if (has_float && (!has_histogram || samples_.t_ms[floats.begin - 1] >= histograms_.t_ms[some.begin - 1])) {
    --floats.begin;
  } else if (has_histogram) {
    --some.begin;
  }
  out.set(step, transitions(floats, some));
}

// From the last two samples of either kind.
void HistogramRange::last_two(const Window& window, const HistogramWindow& part, size_t step, Column& out) {
  std::array<Any, 2> two;  // The newest first.
  size_t n = 0;
  size_t f = window.end;
  size_t h = part.end;
  for (; n < 2 && (f > window.begin || h > part.begin); ++n) {
    if (h == part.begin || (f > window.begin && samples_.t_ms[f - 1] > histograms_.t_ms[h - 1])) {
      --f;
      two[n] = {samples_.t_ms[f], samples_.v[f], nullptr, f};
    } else {
      --h;
      two[n] = {histograms_.t_ms[h], 0, &histograms_.at[h], h};
    }
  }
  if (n < 2) return;
  const Any& last = two[0];
  const Any& previous = two[1];
  if (last.t_ms == previous.t_ms) return;
  if (last.histogram == nullptr && previous.histogram == nullptr) {
    double v = 0;
    if (floats_.value(window, v)) out.set(step, v);
    return;
  }
  if (last.histogram == nullptr || previous.histogram == nullptr) return warn_mixed_kinds();
  const NativeHistogram& newer = **last.histogram;
  const NativeHistogram& older = **previous.histogram;
  const bool both_gauges = newer.reset == CounterReset::kGauge && older.reset == CounterReset::kGauge;
  const bool any_gauge = newer.reset == CounterReset::kGauge || older.reset == CounterReset::kGauge;
  if (counter_ && any_gauge) warn_not_counter();
  if (!counter_ && !both_gauges) warn_not_gauge();
  auto result = std::make_shared<NativeHistogram>(newer);
  if (!counter_ || !resets_[last.place]) {
    const HistogramOutcome outcome = subtract(*result, older);
    if (outcome.incompatible) return warn_mixed_schemas();
    if (outcome.bounds_reconciled) tell_reconciled("subtraction");
  }
  result->reset = CounterReset::kGauge;
  compact(*result);
  if (per_second_) divide(*result, seconds(last.t_ms - previous.t_ms));
  out.set(step, std::move(result));
}

template <class Total>
void HistogramRange::fold(const HistogramWindow& part, size_t step, Column& out) {
  Total total(at(part.begin));
  HintCollision hints;
  hints.see(at(part.begin));
  bool reconciled = false;
  for (size_t i = part.begin + 1; i < part.end; ++i) {
    hints.see(at(i));
    const HistogramOutcome outcome = total.add(at(i));
    if (outcome.incompatible) return warn_mixed_schemas();
    reconciled |= outcome.bounds_reconciled;
  }
  if (hints.collide()) warn_collision(context_, "aggregation", at_);
  if (reconciled) tell_reconciled("aggregation");
  out.set(step, std::make_shared<NativeHistogram>(total.value()));
}

void HistogramRange::sum(const HistogramWindow& part, size_t step, Column& out) {
  if (part.size() == 1) return out.set(step, histograms_.at[part.begin]);
  fold<HistogramSum>(part, step, out);
}

void HistogramRange::mean(const HistogramWindow& part, size_t step, Column& out) {
  fold<HistogramMean>(part, step, out);
}

template <class F>
void HistogramRange::for_each_sample(const Window& window, const HistogramWindow& part, F f) const {
  size_t i = window.begin;
  size_t h = part.begin;
  while (i < window.end || h < part.end) {
    if (h == part.end || (i < window.end && samples_.t_ms[i] < histograms_.t_ms[h])) {
      f(Any{samples_.t_ms[i], samples_.v[i], nullptr, i});
      ++i;
    } else {
      f(Any{histograms_.t_ms[h], 0, &histograms_.at[h], h});
      ++h;
    }
  }
}

// Changes, or resets. A change of kind is both.
double HistogramRange::transitions(const Window& window, const HistogramWindow& part) const {
  const auto differs = [&](const Any& previous, const Any& current) {
    if ((previous.histogram == nullptr) != (current.histogram == nullptr)) return true;
    // Of one kind, so they are neighbours in the column of that kind.
    if (current.histogram != nullptr) {
      if (rule_ == Rule::kResets) return static_cast<bool>(resets_[current.place]);
      return !same_histogram(**previous.histogram, **current.histogram);
    }
    if (rule_ == Rule::kResets) return current.v < previous.v || restarted(samples_, current.place);
    return current.v != previous.v && !(std::isnan(current.v) && std::isnan(previous.v));
  };
  size_t n = 0;
  bool is_first = true;
  Any previous;
  for_each_sample(window, part, [&](const Any& current) {
    if (!is_first && differs(previous, current)) ++n;
    is_first = false;
    previous = current;
  });
  return static_cast<double>(n);
}

void HistogramRange::warn_mixed_kinds() { promql::warn_mixed_kinds(context_, metric_, at_); }

void HistogramRange::warn_mixed_schemas() { promql::warn_mixed_schemas(context_, metric_, at_); }

void HistogramRange::warn_not_counter() { promql::warn_not_counter(context_, metric_, at_); }

void HistogramRange::warn_not_gauge() { promql::warn_not_gauge(context_, metric_, at_); }

void HistogramRange::tell_reconciled(std::string_view operation) { promql::tell_reconciled(context_, operation, at_); }

}  // namespace tidemark::promql
