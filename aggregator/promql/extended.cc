#include "aggregator/promql/extended.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "aggregator/promql/histogram_extended.h"
#include "aggregator/promql/histogram_messages.h"
#include "aggregator/promql/rate.h"
#include "aggregator/promql/window_plan.h"

namespace tidemark::promql {
namespace {

// Between two samples, at a time of neither. A counter that was reset between them began at 0.
double interpolate(const Samples& s, size_t before, int64_t t_ms, bool counter) {
  const double y = s.v[before + 1];
  const double from = counter && y < s.v[before] ? 0 : s.v[before];
  return from + (y - from) * static_cast<double>(t_ms - s.t_ms[before]) /
                    static_cast<double>(s.t_ms[before + 1] - s.t_ms[before]);
}

// The samples that stand for a window's two ends, and the values there.
struct Ends {
  size_t first = 0;
  size_t last = 0;  // Inclusive.
  double left = 0;
  double right = 0;
};

// False when the window has no ends: nothing within, or for a smoothed one nothing before its end.
bool find_ends(const Samples& s, const Window& w, bool smoothed, bool counter, Ends& ends) {
  const auto t_ms = s.t_ms.subspan(w.begin, w.end - w.begin - 1);  // The newest is the answer when no other is.
  const auto behind_start = std::upper_bound(t_ms.begin(), t_ms.end(), w.range_start_ms);
  ends.first = w.begin + static_cast<size_t>(std::max<ptrdiff_t>(0, behind_start - t_ms.begin() - 1));
  ends.last = w.end - 1;
  if (smoothed) {
    ends.last =
        w.begin + static_cast<size_t>(std::lower_bound(t_ms.begin(), t_ms.end(), w.range_end_ms) - t_ms.begin());
  }
  if (s.t_ms[ends.last] <= w.range_start_ms) return false;
  if (smoothed && s.t_ms[ends.first] > w.range_end_ms) return false;
  ends.left = s.v[ends.first];
  ends.right = s.v[ends.last];
  if (smoothed && s.t_ms[ends.first] < w.range_start_ms) {
    ends.left = interpolate(s, ends.first, w.range_start_ms, counter);
  }
  if (smoothed && ends.last > w.begin && s.t_ms[ends.last] > w.range_end_ms) {
    ends.right = interpolate(s, ends.last - 1, w.range_end_ms, counter);
  }
  return true;
}

// Of the samples that stand for the ends, those that lie beyond or on them are not within.
struct Within {
  size_t begin;
  size_t end;
};
Within within(const Samples& s, const Window& w, const Ends& ends) {
  const size_t begin = s.t_ms[ends.first] <= w.range_start_ms ? ends.first + 1 : ends.first;
  const size_t end = s.t_ms[ends.last] >= w.range_end_ms ? ends.last : ends.last + 1;
  return {begin, std::max(begin, end)};
}

class ExtendedIncrease final : public RangeFunction {
 public:
  struct Kind {
    bool counter = false;
    bool per_second = false;
    bool smoothed = false;
  };
  explicit ExtendedIncrease(Kind kind) : kind_(kind) {}

  void begin(const Samples& samples) override { samples_ = samples; }

  bool value(const Window& w, double& out) override {
    Ends ends;
    if (!find_ends(samples_, w, kind_.smoothed, kind_.counter, ends)) return false;
    out = ends.right - ends.left;
    if (kind_.counter) out += lost_to_resets(w, ends);
    if (kind_.per_second) out /= static_cast<double>(w.range_end_ms - w.range_start_ms) / 1000;
    return true;
  }

 private:
  double lost_to_resets(const Window& w, const Ends& ends) const {
    double lost = 0;
    double previous = ends.left;
    const Within inner = within(samples_, w, ends);
    for (size_t i = inner.begin; i < inner.end; ++i) {
      if (samples_.v[i] < previous) lost += previous;
      previous = samples_.v[i];
    }
    return ends.right < previous ? lost + previous : lost;
  }

  const Kind kind_;
  Samples samples_;
};

// changes() and resets(): as without the extension, but from the sample that the range is anchored at.
class Anchored final : public RangeFunction {
 public:
  explicit Anchored(std::unique_ptr<RangeFunction> function) : function_(std::move(function)) {}

  void begin(const Samples& samples) override {
    samples_ = samples;
    function_->begin(samples);
  }
  bool value(const Window& w, double& out) override {
    const auto t_ms = samples_.t_ms.subspan(w.begin, w.end - w.begin);
    const auto behind_start = std::upper_bound(t_ms.begin(), t_ms.end(), w.range_start_ms);
    if (behind_start == t_ms.end()) return false;
    Window anchored = w;
    anchored.begin += static_cast<size_t>(std::max<ptrdiff_t>(0, behind_start - t_ms.begin() - 1));
    return function_->value(anchored, out);
  }

 private:
  const std::unique_ptr<RangeFunction> function_;
  Samples samples_;
};

// Interpolates at the end of each window, between the samples before and behind it.
class Smoothed final : public RangeFunction {
 public:
  void begin(const Samples& samples) override { samples_ = samples; }
  bool value(const Window& w, double& out) override {
    const auto t_ms = samples_.t_ms.subspan(w.begin, w.end - w.begin);
    const auto at_or_behind = std::lower_bound(t_ms.begin(), t_ms.end(), w.range_end_ms);
    const size_t i = w.begin + static_cast<size_t>(at_or_behind - t_ms.begin());
    if (i < w.end && samples_.t_ms[i] == w.range_end_ms) {
      out = samples_.v[i];
    } else if (i == w.begin) {
      return false;
    } else {
      out = i < w.end ? interpolate(samples_, i - 1, w.range_end_ms, false) : samples_.v[i - 1];
    }
    return true;
  }

 private:
  Samples samples_;
};

}  // namespace

Reach reach_of(Extension extension, int64_t lookback_ms) {
  switch (extension) {
    case Extension::kNone:
      return {};
    case Extension::kAnchored:
      return {lookback_ms, 0};
    case Extension::kSmoothed:
      return {lookback_ms, lookback_ms};
  }
  return {};
}

Result<std::unique_ptr<RangeFunction>> make_extended_function(std::string_view name, Extension extension) {
  const bool smoothed = extension == Extension::kSmoothed;
  std::unique_ptr<RangeFunction> function;
  if (name == "delta" || name == "increase" || name == "rate") {
    function = std::make_unique<ExtendedIncrease>(
        ExtendedIncrease::Kind{.counter = name != "delta", .per_second = name == "rate", .smoothed = smoothed});
  } else if (!smoothed && (name == "changes" || name == "resets")) {
    function = std::make_unique<Anchored>(make_range_function(name));
  } else {
    return fail(Status::execution(
        fmt::format("{} modifier can only be used with: {} - not with {}", smoothed ? "smoothed" : "anchored",
                    smoothed ? "delta, increase, rate" : "changes, delta, increase, rate, resets", name)));
  }
  return function;
}

Status select_smoothed(QueryContext& context, const Selector& selector, const Grid& grid, TextOffset at,
                       SeriesSink& sink) {
  class Columns final : public RawSink {
   public:
    Columns(QueryContext& query, const RangeSpec& spec, TextOffset begin, SeriesSink& next)
        : context_(query), spec_(spec), at_(begin), sink_(next), windows_(query, spec, {}) {}
    Status consume(const RawSeries& series) override {
      if (Status status = windows_.apply(smoothed_, series.samples, series.resolutions, out_.column); !status.ok()) {
        return status;
      }
      if (!series.histograms.empty()) add_histograms(series);
      if (!out_.column.any()) return {};
      out_.labels = Labels(series.labels);
      out_.drop_name = false;
      return sink_.consume(out_);
    }

   private:
    // Where floats lie within reach as well, there is neither.
    void add_histograms(const RawSeries& series) {
      const std::string_view metric = series.labels.metric_name();
      ExtendedHistograms histograms(context_, metric, series.histograms, at_);
      const auto reach = [&](std::span<const int64_t> t_ms, size_t step) {
        const int64_t after_ms = TimeShift::earlier(spec_.end_ms(step), spec_.reach.before_ms);
        const int64_t until_ms = TimeShift::earlier(spec_.end_ms(step), -spec_.reach.after_ms);
        const auto begin = std::upper_bound(t_ms.begin(), t_ms.end(), after_ms);
        const auto end = std::upper_bound(begin, t_ms.end(), until_ms);
        return HistogramWindow{static_cast<size_t>(begin - t_ms.begin()), static_cast<size_t>(end - t_ms.begin())};
      };
      for (size_t step = 0; step < spec_.grid.steps; ++step) {
        const HistogramWindow window = reach(series.histograms.t_ms, step);
        if (window.size() == 0) continue;
        if (reach(series.samples.t_ms, step).size() > 0) {
          warn_mixed_kinds(context_, metric, at_);
          out_.column.present.clear(step);
        } else if (HistogramRef found = histograms.smoothed_at(spec_.end_ms(step), window); found != nullptr) {
          out_.column.set(step, std::move(found));
        }
      }
    }

    QueryContext& context_;
    const RangeSpec& spec_;
    const TextOffset at_;
    SeriesSink& sink_;
    WindowPlan windows_;
    Smoothed smoothed_;
    Series out_;
  };

  Charge charge(context);
  if (Status status = charge.add(0, Column::bytes(grid.steps)); !status.ok()) return status;
  // A range of no length, which all that is seen lies beyond.
  const RangeSpec spec{grid, selector.shift, 0, reach_of(Extension::kSmoothed, context.lookback_ms())};
  Columns columns(context, spec, at, sink);
  return select_raw(context, selector, spec, columns);
}

std::vector<Sample> extended_points(const Samples& samples, const Window& window, Extension extension) {
  Ends ends;
  std::vector<Sample> points;
  if (!find_ends(samples, window, extension == Extension::kSmoothed, false, ends)) return points;
  const Within inner = within(samples, window, ends);
  points.reserve(inner.end - inner.begin + 2);
  points.push_back({window.range_start_ms, ends.left});
  for (size_t i = inner.begin; i < inner.end; ++i) points.push_back({samples.t_ms[i], samples.v[i]});
  points.push_back({window.range_end_ms, ends.right});
  return points;
}

}  // namespace tidemark::promql
