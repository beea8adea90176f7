#include "aggregator/promql/rate.h"

#include <cmath>
#include <vector>

#include "aggregator/promql/start_times.h"
#include "model/wide.h"

namespace tidemark::promql {
namespace {

TM_WIDE bool falls_anywhere(std::span<const double> samples) {
  const double* const v = samples.data();
  double any = 0;  // As wide as a value, for the compiler's sake.
  for (size_t i = 1; i < samples.size(); ++i) any = v[i] < v[i - 1] ? 1 : any;
  return any != 0;
}

// Of the windows that have an answer what depends on their times alone, one column each, so that all of a series can be
// worked out several at a time.
struct PlannedWindows {
  std::vector<uint32_t> first;  // Samples, both inclusive.
  std::vector<uint32_t> last;
  std::vector<double> factor;   // Unless the counter was 0 nearer than the window's start,
  std::vector<double> sampled;  // which it was not when first value * sampled > increase * beyond.
  std::vector<double> beyond;
  std::vector<uint32_t> window;  // Its number, and the step it belongs to.
  std::vector<uint32_t> step;

  size_t size() const { return first.size(); }
  void clear() {
    for (auto* column : {&first, &last, &window, &step}) column->clear();
    for (auto* column : {&factor, &sampled, &beyond}) column->clear();
  }
};

constexpr double kProductMin = 1e-290;  // Smaller products are not exact.

// Whether the increase of a counter may simply be multiplied. No short cuts: all of it is done for several at a time.
inline bool is_stretched(double increase, double first, double sampled, double beyond) {
  const double reach = first * sampled;
  return (increase <= 0) | (first < 0) | ((reach > increase * beyond) & (reach > kProductMin));
}

// Increases of samples without resets, and what they are multiplied to. Returns whether a counter's all may be.
TM_WIDE bool stretch_all(const PlannedWindows& planned, const double* __restrict v, double* __restrict increases,
                         double* __restrict out) {
  const uint32_t* const first = planned.first.data();
  const uint32_t* const last = planned.last.data();
  const double* const factor = planned.factor.data();
  const double* const sampled = planned.sampled.data();
  const double* const beyond = planned.beyond.data();
  uint64_t odd = 0;
  for (size_t i = 0, size = planned.size(); i < size; ++i) {
    const double from = v[first[i]];
    const double increase = v[last[i]] - from;
    odd |= is_stretched(increase, from, sampled[i], beyond[i]) ? 0 : 1;
    increases[i] = increase;
    out[i] = increase * factor[i];
  }
  return odd == 0;
}

// The increase between the first and the last sample of a window, stretched to the window's ends.
//
// Samples rarely lie on the ends. Where the gap to an end is at most 10 % longer than the mean distance of the
// samples, the slope is assumed to go on to the end; where it is longer, the series is assumed to begin or stop in
// there, and the slope goes on for half a distance. A counter is never stretched below the point where it was 0; where
// the first sample's start timestamp says when that was, within the range, the increase begins there.
class Extrapolated final : public RangeFunction {
 public:
  struct Kind {
    bool counter = false;     // Falls are resets, and count from 0.
    bool per_second = false;  // Divide by the range.
  };

  explicit Extrapolated(Kind kind) : kind_(kind) {}

  void begin(const Samples& samples) override {
    samples_ = samples;
    resets_.clear();
    first_reset_ = 0;
    gaps_up_to_.clear();
    overlapping_.clear();
    first_overlap_ = 0;
    overlaps_ = 0;
    double gaps = 0;
    for (const double count : samples.folded.count) gaps_up_to_.push_back(gaps += count);
    if (!kind_.counter || !may_have_resets()) return;
    const std::span<const double> known = samples.folded.resets;
    for (size_t i = 1; i < samples.v.size(); ++i) {
      if (!known.empty() && !std::isnan(known[i])) {
        if (known[i] > 0) resets_.push_back({i, samples.folded.resets_sum[i]});
      } else if (samples.v[i] < samples.v[i - 1] || restarted(samples, i)) {
        resets_.push_back({i, samples.v[i - 1]});
      }
      if (starts_overlap(samples, i)) overlapping_.push_back(i);
    }
  }

  bool value(const Window& w, double& out) override {
    const int64_t start_ms = start_within(w);
    if (w.end - w.begin < 2 && start_ms == kNoStart) return false;
    count_overlaps(w);
    double increase = increase_in(w);
    Stretch stretch = stretch_of(w);
    const double first = samples_.v[w.begin];
    if (start_ms != kNoStart) {
      stretch.to_start = 0;
      stretch.sampled = static_cast<double>(samples_.t_ms[w.end - 1] - start_ms) / 1000;
      increase += first;
    } else if (kind_.counter && increase > 0 && first >= 0) {
      const double to_zero = stretch.sampled * (first / increase);
      if (to_zero < stretch.to_start) stretch.to_start = to_zero;
    }
    out = increase * factor(stretch, w);
    return true;
  }

  // All that depends on times alone is kept for the next series with the same; of most windows only a multiplication
  // is left, with the bits that value() would give.
  void values(const Windows& windows, Column& out) override {
    if (!samples_.start_ms.empty() || !gaps_up_to_.empty()) return RangeFunction::values(windows, out);
    if (planned_ != windows.version) plan(windows, out.steps());
    if (resets_.empty()) {
      double* const results = in_a_row_ ? &out.v[plan_.step[0]] : results_.data();
      const bool all = stretch_all(plan_, samples_.v.data(), increases_.data(), results) || !kind_.counter;
      if (!all || !in_a_row_) {
        for (size_t i = 0; i < plan_.size(); ++i) {
          out.v[plan_.step[i]] = all ? results[i] : result_of(windows, i, increases_[i]);
        }
      }
    } else {
      for (size_t i = 0; i < plan_.size(); ++i) {
        out.v[plan_.step[i]] = result_of(windows, i, increase_in(windows.all[plan_.window[i]]));
      }
    }
    out.present = answered_;
  }

  size_t overlaps() const override { return overlaps_; }

 private:
  // How far a window's samples reach, in seconds, and how far the slope goes on beyond them.
  struct Stretch {
    double sampled;
    double to_start;
    double to_end;
  };
  Stretch stretch_of(const Window& w) const {
    const int64_t first_ms = samples_.t_ms[w.begin];
    const int64_t last_ms = samples_.t_ms[w.end - 1];
    const double gaps =
        gaps_up_to_.empty() ? static_cast<double>(w.end - w.begin - 1) : gaps_up_to_[w.end - 1] - gaps_up_to_[w.begin];
    Stretch stretch{static_cast<double>(last_ms - first_ms) / 1000,
                    static_cast<double>(first_ms - w.range_start_ms) / 1000,
                    static_cast<double>(w.range_end_ms - last_ms) / 1000};
    const double mean_distance = gaps > 0 ? stretch.sampled / gaps : 0;
    const double near = mean_distance * 1.1;
    if (stretch.to_start >= near) stretch.to_start = mean_distance / 2;
    if (stretch.to_end >= near) stretch.to_end = mean_distance / 2;
    return stretch;
  }

  double factor(const Stretch& s, const Window& w) const {
    double factor = s.sampled == 0 ? 1.0 : (s.sampled + s.to_start + s.to_end) / s.sampled;
    if (kind_.per_second) factor /= static_cast<double>(w.range_end_ms - w.range_start_ms) / 1000;
    return factor;
  }

  double result_of(const Windows& windows, size_t i, double increase) {
    if (!kind_.counter || is_stretched(increase, samples_.v[plan_.first[i]], plan_.sampled[i], plan_.beyond[i])) {
      return increase * plan_.factor[i];
    }
    double out = 0;
    value(windows.all[plan_.window[i]], out);
    return out;
  }

  void plan(const Windows& windows, size_t steps) {
    planned_ = windows.version;
    plan_.clear();
    answered_.reset(steps);
    for (size_t i = 0; i < windows.all.size(); ++i) {
      const Window& w = windows.all[i];
      if (w.end - w.begin < 2) continue;
      const Stretch stretch = stretch_of(w);
      plan_.first.push_back(static_cast<uint32_t>(w.begin));
      plan_.last.push_back(static_cast<uint32_t>(w.end - 1));
      plan_.factor.push_back(factor(stretch, w));
      plan_.sampled.push_back(stretch.sampled);
      plan_.beyond.push_back(stretch.to_start * kMargin);
      plan_.window.push_back(static_cast<uint32_t>(i));
      plan_.step.push_back(static_cast<uint32_t>(windows.steps[i]));
      answered_.set(windows.steps[i]);
    }
    in_a_row_ = plan_.size() > 0 && plan_.step.back() - plan_.step.front() + 1 == plan_.size();
    increases_.resize(plan_.size());
    results_.resize(plan_.size());
  }

  // When the counter was 0 before the window's first sample, if it says so and it is within the range; else kNoStart.
  int64_t start_within(const Window& w) const {
    if (!kind_.counter || samples_.start_ms.empty()) return kNoStart;
    const int64_t start_ms = samples_.start_ms[w.begin];
    return start_ms > w.range_start_ms && start_ms < samples_.t_ms[w.begin] ? start_ms : kNoStart;
  }

  void count_overlaps(const Window& w) {
    while (first_overlap_ < overlapping_.size() && overlapping_[first_overlap_] <= w.begin) ++first_overlap_;
    if (first_overlap_ < overlapping_.size() && overlapping_[first_overlap_] < w.end) ++overlaps_;
  }

  bool may_have_resets() const {
    if (!samples_.folded.resets.empty() || !samples_.start_ms.empty()) return true;
    return falls_anywhere(samples_.v);
  }

  double increase_in(const Window& w) {
    double increase = samples_.v[w.end - 1] - samples_.v[w.begin];
    while (first_reset_ < resets_.size() && resets_[first_reset_].at <= w.begin) ++first_reset_;
    for (size_t r = first_reset_; r < resets_.size() && resets_[r].at < w.end; ++r) increase += resets_[r].before;
    return increase;
  }

  struct Reset {
    size_t at;      // A sample less than the one before it, or a bucket's last after such samples.
    double before;  // What the counter had.
  };

  static constexpr double kMargin = 1 + 1e-9;

  const Kind kind_;
  Samples samples_;
  PlannedWindows plan_;
  uint64_t planned_ = 0;           // Windows::version it is of.
  Presence answered_;              // At which steps there are some.
  bool in_a_row_ = false;          // Those steps.
  std::vector<double> increases_;  // By planned window.
  std::vector<double> results_;
  std::vector<Reset> resets_;
  size_t first_reset_ = 0;           // The first that can matter to this window or a later one.
  std::vector<size_t> overlapping_;  // Samples that contradict the one before them.
  size_t first_overlap_ = 0;         // Likewise.
  size_t overlaps_ = 0;
  std::vector<double> gaps_up_to_;  // Stored samples up to each, where some stand for several.
};

// From the last two samples alone.
class Instant final : public RangeFunction {
 public:
  explicit Instant(bool counter) : counter_(counter) {}

  void begin(const Samples& samples) override { samples_ = samples; }

  bool value(const Window& w, double& out) override {
    if (w.end - w.begin < 2) return false;
    const int64_t distance_ms = samples_.t_ms[w.end - 1] - samples_.t_ms[w.end - 2];
    if (distance_ms == 0) return false;
    const double last = samples_.v[w.end - 1];
    const double previous = samples_.v[w.end - 2];
    out = counter_ && (last < previous || restarted(samples_, w.end - 1)) ? last : last - previous;
    if (counter_) out /= static_cast<double>(distance_ms) / 1000;
    return true;
  }

 private:
  const bool counter_;
  Samples samples_;
};

}  // namespace

std::unique_ptr<RangeFunction> make_rate_function(std::string_view name) {
  using Kind = Extrapolated::Kind;
  if (name == "rate") return std::make_unique<Extrapolated>(Kind{.counter = true, .per_second = true});
  if (name == "increase") return std::make_unique<Extrapolated>(Kind{.counter = true});
  if (name == "delta") return std::make_unique<Extrapolated>(Kind{});
  if (name == "irate") return std::make_unique<Instant>(true);
  if (name == "idelta") return std::make_unique<Instant>(false);
  return nullptr;
}

}  // namespace tidemark::promql
