// SampleCounts: how many samples a query looked at, as Prometheus counts them for `stats`: at each step every sample of
// every window, although windows overlap and we read each sample once. A native histogram counts as many as samples
// would take its space.
//
// An evaluation counts into the counts of its context; for a part that has a grid of its own, or is evaluated once for
// all steps, the context gets others for a while (CountScope), which are then added to the outer ones.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "aggregator/promql/column.h"
#include "aggregator/promql/context.h"
#include "aggregator/promql/grid.h"
#include "aggregator/promql/select.h"

namespace tidemark::promql {

// Thread-safe. Relaxed: the numbers are all that is communicated.
class SampleCounts {
 public:
  explicit SampleCounts(size_t steps) : steps_(steps) {}
  static size_t bytes(size_t steps) { return steps * sizeof(Step); }

  // `looked_at`: the samples of all windows. `read`: those of them that the step before had not in its own.
  void add(size_t step, size_t looked_at, size_t read) {
    steps_[step].looked_at.fetch_add(looked_at, std::memory_order_relaxed);
    steps_[step].read.fetch_add(read, std::memory_order_relaxed);
  }
  // Of what was evaluated once for all steps.
  void add_to_all(const SampleCounts& once);
  // Of a subquery: only what was read. What the function over it looks at are its points. A point counts at the first
  // step whose range it is in, and `offset_ms` later.
  void add_read(const SampleCounts& points, const Grid& of_points, const Grid& grid, int64_t offset_ms,
                int64_t range_ms);

  size_t steps() const { return steps_.size(); }
  size_t looked_at(size_t step) const { return steps_[step].looked_at.load(std::memory_order_relaxed); }
  size_t read(size_t step) const { return steps_[step].read.load(std::memory_order_relaxed); }
  size_t looked_at() const;
  size_t read() const;

 private:
  struct Step {
    std::atomic<size_t> looked_at{0};
    std::atomic<size_t> read{0};
  };
  std::vector<Step> steps_;
};

class CountScope {
 public:
  // `counts` may be null, as the context's own: nobody asked.
  CountScope(QueryContext& context, SampleCounts* counts) : context_(context), outer_(context.counts()) {
    context_.set_counts(outer_ == nullptr ? nullptr : counts);
  }
  ~CountScope() { context_.set_counts(outer_); }
  CountScope(const CountScope&) = delete;
  CountScope& operator=(const CountScope&) = delete;

 private:
  QueryContext& context_;
  SampleCounts* const outer_;
};

// Of an instant selector's series: one sample a step.
void count_points(const Column& column, SampleCounts& counts);
// Of a range selector's series, or, when not `from_store`, of a subquery's: its windows.
void count_windows(const RawSeries& series, const RangeSpec& spec, bool from_store, SampleCounts& counts);

// As Prometheus counts it.
size_t as_samples(const NativeHistogram& histogram);

}  // namespace tidemark::promql
