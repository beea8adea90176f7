// Functions of a window of samples: rate(), avg_over_time(), predict_linear() and their like, without their labels.
//
// A RangeFunction is made once a query, then sees one series after the other: begin() with all samples the query needs
// of it, then value() for the windows of its steps, oldest first. So what is worth knowing about the whole series
// (where its counter was reset) is found in one pass, and what can be carried from window to window (the maximum) is,
// but only where that is exact: nothing is ever subtracted that has left the window, since an Inf or 1e308 would leave
// a trace.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "aggregator/promql/column.h"
#include "aggregator/storage/querier.h"

namespace tidemark::promql {

struct Samples {
  std::span<const int64_t> t_ms;  // Rising. Without staleness markers.
  std::span<const double> v;
  std::span<const int64_t> start_ms = {};  // Start timestamps, kNoStart for none. Empty: none has one, or none counts.
  storage::Folded folded = {};             // What they stand for, where they come from rollups.
};

struct Window {
  // Samples [begin, end) of the series. REQUIRES: begin < end; both never fall from one window of a series to the next.
  size_t begin = 0;
  size_t end = 0;
  int64_t range_start_ms = 0;  // Exclusive.
  int64_t range_end_ms = 0;    // Inclusive.
  int64_t eval_ms = 0;         // The step's time: differs from range_end_ms by the offset.
  // At this step: the scalar arguments, of functions that have some (predict_linear, double_exponential_smoothing).
  std::array<double, 2> arguments = {};
};

// The windows of all steps over one series, and over those that have the same timestamps.
struct Windows {
  std::vector<Window> all;    // Those with samples, oldest first.
  std::vector<size_t> steps;  // Of each.
  uint64_t version = 0;       // Changes with the rest; 0 before there is any.
};

// Holds the state of one series at a time; one thread.
class RangeFunction {
 public:
  virtual ~RangeFunction() = default;
  // The samples stay valid until the next begin().
  virtual void begin(const Samples& samples) = 0;
  // False when the window has no answer, as a rate over a single sample.
  virtual bool value(const Window& window, double& out) = 0;
  // value() of all windows, at their steps. `windows` is the same object for all series.
  virtual void values(const Windows& windows, Column& out);
  // Since begin(): windows with a sample that says it started before the sample before it, and not when that one did.
  virtual size_t overlaps() const { return 0; }
};

// Null when there is none of that name.
std::unique_ptr<RangeFunction> make_range_function(std::string_view name);
bool is_range_function(std::string_view name);

}  // namespace tidemark::promql
