// WindowPlan: the windows of a query's steps over one series' samples, kept for the series after it.
//
// All series of a target have the same timestamps, so which samples lie in which window, how far they are apart and how
// far from the window's ends is found once for many series; what is left for each is its values.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "aggregator/promql/context.h"
#include "aggregator/promql/range_functions.h"
#include "aggregator/promql/select.h"

namespace tidemark::promql {

// Of one query and thread.
class WindowPlan {
 public:
  // `arguments`: of each scalar argument its values at the steps. Both are outlived.
  WindowPlan(QueryContext& context, const RangeSpec& spec, std::span<const Column> arguments)
      : charge_(context), spec_(spec), arguments_(arguments) {}

  // Applies the function to every step's window over `samples`. Where a rollup answers, a window ends with the last
  // whole bucket, and has the length of a bucket at least. REQUIRES: the same resolutions for all series.
  Status apply(RangeFunction& function, const Samples& samples, Resolutions resolutions, Column& out);

 private:
  bool has_times(std::span<const int64_t> t_ms) const;
  Status find_windows(std::span<const int64_t> t_ms, Resolutions resolutions);

  Charge charge_;
  const RangeSpec& spec_;
  const std::span<const Column> arguments_;
  std::vector<int64_t> t_ms_;  // Of the samples that the windows are over.
  Windows windows_;
};

}  // namespace tidemark::promql
