#include "aggregator/promql/range_functions.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "aggregator/promql/compensated_sum.h"
#include "aggregator/promql/quantile.h"
#include "aggregator/promql/rate.h"
#include "aggregator/promql/start_times.h"

namespace tidemark::promql {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// What needs to look at nothing but the window itself.
template <bool (*kValue)(const Samples&, const Window&, double&)>
class Loop final : public RangeFunction {
 public:
  void begin(const Samples& samples) override { samples_ = samples; }
  bool value(const Window& w, double& out) override { return kValue(samples_, w, out); }

 private:
  Samples samples_;
};

bool count(const Samples& s, const Window& w, double& out) {
  out = static_cast<double>(w.end - w.begin);
  if (s.folded.count.empty()) return true;
  out = 0;
  for (size_t i = w.begin; i < w.end; ++i) out += s.folded.count[i];
  return true;
}

bool present(const Samples&, const Window&, double& out) {
  out = 1;
  return true;
}

bool last(const Samples& s, const Window& w, double& out) {
  out = s.v[w.end - 1];
  return true;
}

bool first(const Samples& s, const Window& w, double& out) {
  out = s.v[w.begin];
  return true;
}

bool sum(const Samples& s, const Window& w, double& out) {
  CompensatedSum total;
  for (size_t i = w.begin; i < w.end; ++i) total.add(s.v[i]);
  out = std::isinf(total.sum) ? total.sum : total.value();
  return true;
}

bool avg(const Samples& s, const Window& w, double& out) {
  if (!s.folded.count.empty()) {  // Values are sums.
    double total = 0;
    double samples = 0;
    sum(s, w, total);
    count(s, w, samples);
    out = total / samples;
    return true;
  }
  CompensatedMean mean(s.v[w.begin]);
  for (size_t i = w.begin + 1; i < w.end; ++i) mean.add(s.v[i]);
  out = mean.value();
  return true;
}

// Welford's algorithm, both of its running values compensated.
bool stdvar(const Samples& s, const Window& w, double& out) {
  double n = 0;
  CompensatedSum mean;
  CompensatedSum squares;
  for (size_t i = w.begin; i < w.end; ++i) {
    ++n;
    const double delta = s.v[i] - mean.value();
    mean.add(delta / n);
    squares.add(delta * (s.v[i] - mean.value()));
  }
  out = squares.value() / n;
  return true;
}

bool stddev(const Samples& s, const Window& w, double& out) {
  stdvar(s, w, out);
  out = std::sqrt(out);
  return true;
}

struct Line {
  double slope;
  double intercept;  // Its value at the time asked for.
};

// Least squares. REQUIRES: at least two samples.
Line regression(const Samples& s, const Window& w, int64_t intercept_ms) {
  CompensatedSum x_sum;
  CompensatedSum y_sum;
  CompensatedSum xy_sum;
  CompensatedSum xx_sum;
  const double y_first = s.v[w.begin];
  bool constant = true;
  for (size_t i = w.begin; i < w.end; ++i) {
    const double x = static_cast<double>(s.t_ms[i] - intercept_ms) / 1e3;
    const double y = s.v[i];
    if (i > w.begin && y != y_first) constant = false;
    x_sum.add(x);
    y_sum.add(y);
    xy_sum.add(x * y);
    xx_sum.add(x * x);
  }
  if (constant) return std::isinf(y_first) ? Line{kNaN, kNaN} : Line{0, y_first};
  const auto n = static_cast<double>(w.end - w.begin);
  const double covariance = xy_sum.value() - x_sum.value() * y_sum.value() / n;
  const double variance = xx_sum.value() - x_sum.value() * x_sum.value() / n;
  const double slope = covariance / variance;
  return {slope, y_sum.value() / n - slope * x_sum.value() / n};
}

bool deriv(const Samples& s, const Window& w, double& out) {
  if (w.end - w.begin < 2) return false;
  // Relative to a time nearby: seconds since 1970 squared would eat the precision.
  out = regression(s, w, s.t_ms[w.begin]).slope;
  return true;
}

bool predict_linear(const Samples& s, const Window& w, double& out) {
  if (w.end - w.begin < 2) return false;
  const Line line = regression(s, w, w.eval_ms);
  out = line.slope * w.arguments[0] + line.intercept;
  return true;
}

// Holt's linear method: the newest value smoothed by arguments[0], its trend by arguments[1], both within (0, 1).
// https://en.wikipedia.org/wiki/Exponential_smoothing#Double_exponential_smoothing_(Holt_linear)
bool double_exponential_smoothing(const Samples& s, const Window& w, double& out) {
  if (w.end - w.begin < 2) return false;
  const double smoothing = w.arguments[0];
  const double trend_smoothing = w.arguments[1];
  double before = 0;
  double smoothed = s.v[w.begin];
  double trend = s.v[w.begin + 1] - s.v[w.begin];
  for (size_t i = w.begin + 1; i < w.end; ++i) {
    if (i > w.begin + 1) {
      const double risen = trend_smoothing * (smoothed - before);
      trend = risen + (1 - trend_smoothing) * trend;
    }
    const double seen = smoothing * s.v[i];
    before = smoothed;
    smoothed = seen + (1 - smoothing) * (smoothed + trend);
  }
  out = smoothed;
  return true;
}

double in_seconds(int64_t t_ms) { return static_cast<double>(t_ms) / 1000; }

bool time_of_first(const Samples& s, const Window& w, double& out) {
  out = in_seconds(s.t_ms[w.begin]);
  return true;
}

bool time_of_last(const Samples& s, const Window& w, double& out) {
  out = in_seconds(s.t_ms[w.end - 1]);
  return true;
}

// The median distance from the median. One NaN makes both undefined.
class MadOverTime final : public RangeFunction {
 public:
  void begin(const Samples& samples) override { samples_ = samples; }
  bool value(const Window& w, double& out) override {
    values_.assign(samples_.v.begin() + static_cast<ptrdiff_t>(w.begin),
                   samples_.v.begin() + static_cast<ptrdiff_t>(w.end));
    out = kNaN;
    if (std::any_of(values_.begin(), values_.end(), [](double v) { return std::isnan(v); })) return true;
    const double median = quantile(0.5, values_);
    for (double& v : values_) v = std::fabs(v - median);
    out = quantile(0.5, values_);
    return true;
  }

 private:
  Samples samples_;
  std::vector<double> values_;
};

class QuantileOverTime final : public RangeFunction {
 public:
  void begin(const Samples& samples) override { samples_ = samples; }
  bool value(const Window& w, double& out) override {
    values_.assign(samples_.v.begin() + static_cast<ptrdiff_t>(w.begin),
                   samples_.v.begin() + static_cast<ptrdiff_t>(w.end));
    out = quantile(w.arguments[0], values_);
    return true;
  }

 private:
  Samples samples_;
  std::vector<double> values_;
};

// How often a sample differs from the one before it, in the sense of kDiffers: a running count over the series, so a
// window is one subtraction of whole numbers. Of resets rollups and start timestamps know, too.
template <bool (*kDiffers)(double previous, double current), bool kResets>
class Transitions final : public RangeFunction {
 public:
  void begin(const Samples& samples) override {
    up_to_.resize(samples.v.size());
    uint32_t n = 0;
    for (size_t i = 0; i < samples.v.size(); ++i) {
      if (kResets && !samples.folded.resets.empty() && !std::isnan(samples.folded.resets[i])) {
        n += static_cast<uint32_t>(samples.folded.resets[i]);
      } else if (i > 0 && (kDiffers(samples.v[i - 1], samples.v[i]) || (kResets && restarted(samples, i)))) {
        ++n;
      }
      up_to_[i] = n;
    }
  }
  bool value(const Window& w, double& out) override {
    out = static_cast<double>(up_to_[w.end - 1] - up_to_[w.begin]);
    return true;
  }

 private:
  std::vector<uint32_t> up_to_;  // Transitions at or before each sample.
};

bool is_change(double previous, double current) {
  return current != previous && !(std::isnan(current) && std::isnan(previous));
}
bool is_reset(double previous, double current) { return current < previous; }

enum class Of { kValue, kTime };

// The largest (or smallest) number in the window, NaN only when there is nothing else; or its time. A queue of
// candidates: a sample leaves it when a better one comes behind it, so each enters and leaves once however long the
// window is.
template <bool (*kBetter)(double, double), Of kOf = Of::kValue>
class Extreme final : public RangeFunction {
 public:
  void begin(const Samples& samples) override {
    samples_ = samples;
    candidates_.clear();
    front_ = 0;
    seen_ = 0;
  }
  bool value(const Window& w, double& out) override {
    for (seen_ = seen_ < w.begin ? w.begin : seen_; seen_ < w.end; ++seen_) {
      const double v = samples_.v[seen_];
      if (std::isnan(v)) continue;
      while (candidates_.size() > front_ && kBetter(v, samples_.v[candidates_.back()])) candidates_.pop_back();
      candidates_.push_back(seen_);
    }
    while (front_ < candidates_.size() && candidates_[front_] < w.begin) ++front_;
    const size_t best = front_ < candidates_.size() ? candidates_[front_] : w.end - 1;
    out = kOf == Of::kValue ? samples_.v[best] : in_seconds(samples_.t_ms[best]);
    return true;
  }

 private:
  Samples samples_;
  std::vector<size_t> candidates_;  // From front_ on: rising places, values never better than the one in front.
  size_t front_ = 0;
  size_t seen_ = 0;  // Samples before this one have been candidates.
};

bool greater(double a, double b) { return a > b; }
bool less(double a, double b) { return a < b; }
// With these the last of several equal ones is the one in front.
bool not_less(double a, double b) { return a >= b; }
bool not_greater(double a, double b) { return a <= b; }

template <class Function>
std::unique_ptr<RangeFunction> make() {
  return std::make_unique<Function>();
}

using Maker = std::unique_ptr<RangeFunction> (*)();
constexpr std::array<std::pair<std::string_view, Maker>, 22> kMakers = {{
    {"absent_over_time", make<Loop<present>>},
    {"avg_over_time", make<Loop<avg>>},
    {"changes", make<Transitions<is_change, false>>},
    {"count_over_time", make<Loop<count>>},
    {"deriv", make<Loop<deriv>>},
    {"double_exponential_smoothing", make<Loop<double_exponential_smoothing>>},
    {"first_over_time", make<Loop<first>>},
    {"last_over_time", make<Loop<last>>},
    {"mad_over_time", make<MadOverTime>},
    {"max_over_time", make<Extreme<greater>>},
    {"min_over_time", make<Extreme<less>>},
    {"predict_linear", make<Loop<predict_linear>>},
    {"present_over_time", make<Loop<present>>},
    {"quantile_over_time", make<QuantileOverTime>},
    {"resets", make<Transitions<is_reset, true>>},
    {"stddev_over_time", make<Loop<stddev>>},
    {"stdvar_over_time", make<Loop<stdvar>>},
    {"sum_over_time", make<Loop<sum>>},
    {"ts_of_first_over_time", make<Loop<time_of_first>>},
    {"ts_of_last_over_time", make<Loop<time_of_last>>},
    {"ts_of_max_over_time", make<Extreme<not_less, Of::kTime>>},
    {"ts_of_min_over_time", make<Extreme<not_greater, Of::kTime>>},
}};

}  // namespace

void RangeFunction::values(const Windows& windows, Column& out) {
  for (size_t i = 0; i < windows.all.size(); ++i) {
    double v = 0;
    if (value(windows.all[i], v)) out.set(windows.steps[i], v);
  }
}

std::unique_ptr<RangeFunction> make_range_function(std::string_view name) {
  for (const auto& [known, maker] : kMakers) {
    if (known == name) return maker();
  }
  return make_rate_function(name);
}

bool is_range_function(std::string_view name) { return make_range_function(name) != nullptr; }

}  // namespace tidemark::promql
