#include "aggregator/promql/rate.h"

#include <cmath>
#include <vector>

#include "aggregator/promql/start_times.h"

namespace tidemark::promql {
namespace {

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
    if (!kind_.counter) return;
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
    const double gaps =
        gaps_up_to_.empty() ? static_cast<double>(w.end - w.begin - 1) : gaps_up_to_[w.end - 1] - gaps_up_to_[w.begin];
    const int64_t first_ms = samples_.t_ms[w.begin];
    const int64_t last_ms = samples_.t_ms[w.end - 1];
    double increase = increase_in(w);

    double sampled = static_cast<double>(last_ms - first_ms) / 1000;
    const double mean_distance = gaps > 0 ? sampled / gaps : 0;
    const double near = mean_distance * 1.1;
    double to_start = static_cast<double>(first_ms - w.range_start_ms) / 1000;
    double to_end = static_cast<double>(w.range_end_ms - last_ms) / 1000;
    const double first = samples_.v[w.begin];
    if (start_ms != kNoStart) {
      to_start = 0;
      sampled = static_cast<double>(last_ms - start_ms) / 1000;
      increase += first;
    } else {
      if (to_start >= near) to_start = mean_distance / 2;
      if (kind_.counter && increase > 0 && first >= 0) {
        const double to_zero = sampled * (first / increase);
        if (to_zero < to_start) to_start = to_zero;
      }
    }
    if (to_end >= near) to_end = mean_distance / 2;

    double factor = sampled == 0 ? 1.0 : (sampled + to_start + to_end) / sampled;
    if (kind_.per_second) factor /= static_cast<double>(w.range_end_ms - w.range_start_ms) / 1000;
    out = increase * factor;
    return true;
  }

  size_t overlaps() const override { return overlaps_; }

 private:
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

  const Kind kind_;
  Samples samples_;
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
