#include "aggregator/promql/histogram_extended.h"

#include <algorithm>
#include <utility>

#include "aggregator/promql/histogram_messages.h"
#include "model/histogram_math.h"

namespace tidemark::promql {

bool ExtendedHistograms::add_told(NativeHistogram& h, const NativeHistogram& other) {
  const HistogramOutcome outcome = add(h, other);
  if (outcome.incompatible) warn_mixed_schemas(context_, metric_, at_);
  if (outcome.bounds_reconciled) tell_reconciled(context_, "addition", at_);
  return !outcome.incompatible;
}

bool ExtendedHistograms::subtract_told(NativeHistogram& h, const NativeHistogram& other) {
  const HistogramOutcome outcome = subtract(h, other);
  if (outcome.incompatible) warn_mixed_schemas(context_, metric_, at_);
  if (outcome.bounds_reconciled) tell_reconciled(context_, "subtraction", at_);
  return !outcome.incompatible;
}

bool ExtendedHistograms::can_be_combined(size_t first, size_t last, bool counter) {
  for (size_t i = first; i <= last; ++i) {
    if (at(i).has_custom_buckets() != at(first).has_custom_buckets()) {
      warn_mixed_schemas(context_, metric_, at_);
      return false;
    }
    if (counter && at(i).reset == CounterReset::kGauge) warn_not_counter(context_, metric_, at_);
  }
  return true;
}

// Between histogram `before` and the next. A counter that was reset between them began with nothing.
std::shared_ptr<NativeHistogram> ExtendedHistograms::interpolated(size_t before, int64_t t_ms, bool counter) {
  const size_t behind = before + 1;
  if (t_ms == h_.t_ms[before]) return std::make_shared<NativeHistogram>(at(before));
  auto result = std::make_shared<NativeHistogram>(at(behind));
  if (t_ms == h_.t_ms[behind]) return result;
  const double fraction =
      static_cast<double>(t_ms - h_.t_ms[before]) / static_cast<double>(h_.t_ms[behind] - h_.t_ms[before]);
  if (counter && is_reset(at(before), at(behind))) {
    multiply(*result, fraction);
    return result;
  }
  if (!subtract_told(*result, at(before))) return nullptr;
  multiply(*result, fraction);
  if (!add_told(*result, at(before))) return nullptr;
  return result;
}

std::shared_ptr<NativeHistogram> ExtendedHistograms::increase(const Window& range, const HistogramWindow& window,
                                                              const Kind& kind) {
  // The newest is the answer when no other is.
  const auto t_ms = h_.t_ms.subspan(window.begin, window.size() - 1);
  const auto behind_start = std::upper_bound(t_ms.begin(), t_ms.end(), range.range_start_ms);
  const size_t first = window.begin + static_cast<size_t>(std::max<ptrdiff_t>(0, behind_start - t_ms.begin() - 1));
  size_t last = window.end - 1;
  if (kind.smoothed) {
    const auto at_end = std::lower_bound(t_ms.begin(), t_ms.end(), range.range_end_ms);
    last = window.begin + static_cast<size_t>(at_end - t_ms.begin());
  }
  if (h_.t_ms[last] <= range.range_start_ms) return nullptr;
  if (kind.smoothed && h_.t_ms[first] > range.range_end_ms) return nullptr;
  if (!can_be_combined(first, last, kind.counter)) return nullptr;

  const auto end_value = [&](size_t i, bool interpolate, size_t before, int64_t when_ms) {
    return interpolate ? interpolated(before, when_ms, kind.counter) : std::make_shared<NativeHistogram>(at(i));
  };
  const bool left_between = kind.smoothed && h_.t_ms[first] < range.range_start_ms;
  const auto left = end_value(first, left_between, first, range.range_start_ms);
  if (left == nullptr) return nullptr;
  const bool right_between = kind.smoothed && last > window.begin && h_.t_ms[last] > range.range_end_ms;
  const auto right = end_value(last, right_between, last - 1, range.range_end_ms);
  if (right == nullptr) return nullptr;
  if (!kind.counter && (left->reset != CounterReset::kGauge || right->reset != CounterReset::kGauge)) {
    warn_not_gauge(context_, metric_, at_);
  }
  auto result = std::make_shared<NativeHistogram>(*right);
  if (!subtract_told(*result, *left)) return nullptr;
  if (kind.counter && !add_lost_to_resets(range, first, last, *left, *right, kind.smoothed, *result)) return nullptr;
  if (kind.per_second) divide(*result, static_cast<double>(range.range_end_ms - range.range_start_ms) / 1000);
  result->reset = CounterReset::kGauge;
  compact(*result);
  return result;
}

// `left` and `right` stand for histograms `first` and `last`.
bool ExtendedHistograms::add_lost_to_resets(const Window& range, size_t first, size_t last, const NativeHistogram& left,
                                            const NativeHistogram& right, bool smoothed, NativeHistogram& sum) {
  size_t next = first + 1;
  const NativeHistogram* previous = &left;
  if (smoothed && h_.t_ms[first] < range.range_start_ms && is_reset(at(first), at(first + 1))) {
    previous = &at(next++);  // The value at the start is of after that reset.
  }
  if (next > last) return true;
  for (; next < last; ++next) {
    if (is_reset(*previous, at(next)) && !add_told(sum, *previous)) return false;
    previous = &at(next);
  }
  return !is_reset(*previous, right) || add_told(sum, *previous);
}

HistogramRef ExtendedHistograms::smoothed_at(int64_t t_ms, const HistogramWindow& window) {
  const auto times = h_.t_ms.subspan(window.begin, window.size());
  const auto at_or_behind = std::lower_bound(times.begin(), times.end(), t_ms);
  const size_t i = window.begin + static_cast<size_t>(at_or_behind - times.begin());
  if (i < window.end && h_.t_ms[i] == t_ms) return h_.at[i];
  if (i == window.begin) return nullptr;
  if (i == window.end) {
    auto carried = std::make_shared<NativeHistogram>(at(i - 1));
    carried->reset = CounterReset::kUnknown;  // The hint spoke of the sample before it.
    return carried;
  }
  if (at(i - 1).has_custom_buckets() != at(i).has_custom_buckets()) {
    warn_mixed_schemas(context_, metric_, at_);
    return nullptr;
  }
  const bool gauge = at(i - 1).reset == CounterReset::kGauge && at(i).reset == CounterReset::kGauge;
  return interpolated(i - 1, t_ms, !gauge);
}

}  // namespace tidemark::promql
