#include "aggregator/promql/window_plan.h"

#include <algorithm>

namespace tidemark::promql {
namespace {

// Of a window, with what functions keep beside it (rate.cc).
constexpr size_t kStepBytes = sizeof(Window) + sizeof(size_t) + 48;

// Moves `at` to the first of `t_ms` after `after_ms`. REQUIRES: none before `at` is.
void pass(std::span<const int64_t> t_ms, int64_t after_ms, size_t& at) {
  while (at < t_ms.size() && t_ms[at] <= after_ms) ++at;
}

}  // namespace

Status WindowPlan::apply(RangeFunction& function, const Samples& samples, Resolutions resolutions, Column& out) {
  out.reset(spec_.grid.steps);
  if (!has_times(samples.t_ms)) {
    if (Status status = find_windows(samples.t_ms, resolutions); !status.ok()) return status;
  }
  function.begin(samples);
  function.values(windows_, out);
  return {};
}

bool WindowPlan::has_times(std::span<const int64_t> t_ms) const {
  return windows_.version != 0 && t_ms.size() == t_ms_.size() && std::equal(t_ms.begin(), t_ms.end(), t_ms_.begin());
}

Status WindowPlan::find_windows(std::span<const int64_t> t_ms, Resolutions resolutions) {
  const size_t bytes = spec_.grid.steps * kStepBytes + t_ms.size() * sizeof(int64_t);
  if (Status status = charge_.raise_to(0, bytes); !status.ok()) return status;
  t_ms_.assign(t_ms.begin(), t_ms.end());
  ++windows_.version;
  windows_.all.clear();
  windows_.steps.clear();
  Window window;
  for (size_t step = 0; step < spec_.grid.steps; ++step) {
    window.range_end_ms = spec_.end_ms(step);
    window.range_start_ms = spec_.begin_ms(step);
    if (const int64_t resolution_ms = resolution_at(resolutions, window.range_end_ms); resolution_ms > 0) {
      window.range_end_ms = last_whole(window.range_end_ms, resolution_ms);
      window.range_start_ms = TimeShift::earlier(window.range_end_ms, std::max(spec_.range_ms, resolution_ms));
    }
    pass(t_ms, TimeShift::earlier(window.range_start_ms, spec_.reach.before_ms), window.begin);
    window.end = std::max(window.end, window.begin);
    pass(t_ms, TimeShift::earlier(window.range_end_ms, -spec_.reach.after_ms), window.end);
    if (window.begin == window.end) continue;
    window.eval_ms = spec_.grid.time_ms(step);
    for (size_t i = 0; i < arguments_.size(); ++i) window.arguments[i] = arguments_[i].v[step];
    windows_.all.push_back(window);
    windows_.steps.push_back(step);
  }
  return {};
}

}  // namespace tidemark::promql
