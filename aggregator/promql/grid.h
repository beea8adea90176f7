// Grid: the points in time a query, or a subquery inside one, is evaluated at. An instant query has one.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tidemark::promql {

struct Grid {
  int64_t start_ms = 0;
  int64_t step_ms = 1;    // Greater than 0, also where there is only one step.
  size_t steps = 1;       // May be 0 for a subquery whose range holds no multiple of its step.
  bool is_range = false;  // Asked for with two different ends, though it may have one step only.

  int64_t time_ms(size_t step) const { return start_ms + static_cast<int64_t>(step) * step_ms; }
  int64_t last_ms() const { return steps == 0 ? start_ms : time_ms(steps - 1); }

  // Where what does not vary by step is evaluated.
  Grid first_step() const { return {start_ms, step_ms, steps == 0 ? size_t{0} : size_t{1}}; }
};

// All points from start to at most end, both inclusive.
inline Grid grid_between(int64_t start_ms, int64_t end_ms, int64_t step_ms) {
  const bool is_range = start_ms != end_ms;
  if (end_ms < start_ms) return {start_ms, step_ms, 0, is_range};
  return {start_ms, step_ms, static_cast<size_t>((end_ms - start_ms) / step_ms) + 1, is_range};
}

}  // namespace tidemark::promql
