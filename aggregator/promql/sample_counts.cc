#include "aggregator/promql/sample_counts.h"

#include <algorithm>

namespace tidemark::promql {
namespace {

// Moves over the times and sizes of a series' samples of one kind.
class Edge {
 public:
  // How many samples' worth lies at or before t_ms. REQUIRES: t_ms does not fall.
  template <class Size>
  size_t up_to(int64_t t_ms, std::span<const int64_t> times, Size size) {
    for (; next_ < times.size() && times[next_] <= t_ms; ++next_) sum_ += size(next_);
    return sum_;
  }

 private:
  size_t next_ = 0;
  size_t sum_ = 0;
};

// The same over both kinds.
struct Edges {
  Edge floats;
  Edge histograms;

  size_t up_to(int64_t t_ms, const RawSeries& series) {
    return floats.up_to(t_ms, series.samples.t_ms, [](size_t) {
      return size_t{1};
    }) + histograms.up_to(t_ms, series.histograms.t_ms, [&](size_t i) { return as_samples(*series.histograms.at[i]); });
  }
};

}  // namespace

void SampleCounts::add_to_all(const SampleCounts& once) {
  const size_t looked_at = once.looked_at();
  for (Step& step : steps_) step.looked_at.fetch_add(looked_at, std::memory_order_relaxed);
  if (!steps_.empty()) steps_[0].read.fetch_add(once.read(), std::memory_order_relaxed);
}

void SampleCounts::add_read(const SampleCounts& points, const Grid& of_points, const Grid& grid, int64_t offset_ms,
                            int64_t range_ms) {
  if (steps_.size() <= 1) {
    if (!steps_.empty()) add(0, 0, points.read());
    return;
  }
  for (size_t i = 0; i < points.steps(); ++i) {
    const int64_t t_ms = of_points.time_ms(i) + offset_ms;
    const int64_t after_ms = std::max<int64_t>(0, t_ms - grid.start_ms);
    const auto step = static_cast<size_t>((after_ms + grid.step_ms - 1) / grid.step_ms);
    const size_t consumer = std::min(step, steps_.size() - 1);
    if (t_ms <= grid.time_ms(consumer) - range_ms) continue;  // Between two ranges.
    add(consumer, 0, points.read(i));
  }
}

size_t SampleCounts::looked_at() const {
  size_t n = 0;
  for (size_t i = 0; i < steps_.size(); ++i) n += looked_at(i);
  return n;
}

size_t SampleCounts::read() const {
  size_t n = 0;
  for (size_t i = 0; i < steps_.size(); ++i) n += read(i);
  return n;
}

void count_points(const Column& column, SampleCounts& counts) {
  column.present.for_each([&](size_t step) { counts.add(step, 1, 1); });
  column.histograms.present.for_each([&](size_t step) {
    const size_t n = as_samples(*column.histograms.at[step]);
    counts.add(step, n, n);
  });
}

void count_windows(const RawSeries& series, const RangeSpec& spec, bool from_store, SampleCounts& counts) {
  Edges begin;
  Edges end;
  Edges known;  // To the step before.
  for (size_t step = 0; step < spec.grid.steps; ++step) {
    const int64_t begin_ms = TimeShift::earlier(spec.begin_ms(step), spec.reach.before_ms);
    const int64_t end_ms = TimeShift::earlier(spec.end_ms(step), -spec.reach.after_ms);
    const size_t before = begin.up_to(begin_ms, series);
    const size_t until = end.up_to(end_ms, series);
    size_t read = 0;
    if (from_store && step == 0) {
      read = until - before;
    } else if (from_store && !spec.shift.at_ms) {
      read = until - std::max(before, known.up_to(end_ms - spec.grid.step_ms, series));
    }
    counts.add(step, until - before, read);
  }
}

size_t as_samples(const NativeHistogram& histogram) {
  // Its size there: the struct, eight bytes a span, a bucket and a bound, and the time beside it.
  constexpr size_t kStructBytes = 168 + 8;
  const size_t parts = histogram.positive.spans.size() + histogram.negative.spans.size() +
                       histogram.positive.counts.size() + histogram.negative.counts.size() + histogram.bounds.size();
  return (kStructBytes + 8 * parts) / sizeof(Sample);
}

}  // namespace tidemark::promql
