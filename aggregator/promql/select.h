// Selectors: from the store's series to columns, and to windows for functions over time.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "aggregator/promql/context.h"
#include "aggregator/promql/grid.h"
#include "aggregator/promql/histogram_buffer.h"
#include "aggregator/promql/range_functions.h"
#include "aggregator/promql/series.h"
#include "model/matcher.h"
#include "model/sample.h"
#include "model/status.h"

namespace tidemark::promql {

// Which instant, or window's end, belongs to each step: the step's time or the fixed time of an `@`, minus the offset.
struct TimeShift {
  std::optional<int64_t> at_ms;
  int64_t offset_ms = 0;

  // Stops at the ends of what an int64_t holds: offsets come from the query's text.
  int64_t apply(int64_t t_ms) const { return earlier(at_ms.value_or(t_ms), offset_ms); }
  static int64_t earlier(int64_t t_ms, int64_t by_ms) {
    int64_t result = 0;
    if (!__builtin_sub_overflow(t_ms, by_ms, &result)) return result;
    return by_ms > 0 ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
  }
};

struct Selector {
  const std::vector<Matcher>& matchers;
  TimeShift shift;
  std::string_view function = {};  // Directly around the selector: a hint for storage. May be empty.
  bool start_times = false;        // Start timestamps are wanted, too.
  HistogramDetail detail = HistogramDetail::kAll;
  const std::vector<std::string>* labels = nullptr;  // Of use, as SeriesSink::labels_of_use(). For select_columns().
};

// How far beyond its range's ends a window's samples reach: not at all, but for the ranges of extended.h.
struct Reach {
  int64_t before_ms = 0;
  int64_t after_ms = 0;
};

// A range selector's windows are open on the left: (end - range - reach.before, end + reach.after].
struct RangeSpec {
  Grid grid;
  TimeShift shift;
  int64_t range_ms = 0;
  Reach reach = {};

  int64_t end_ms(size_t step) const { return shift.apply(grid.time_ms(step)); }
  int64_t begin_ms(size_t step) const { return TimeShift::earlier(end_ms(step), range_ms); }
};

// Of the sample found: its value, or its time or start timestamp (0 without one) in seconds. Of info metrics, that are
// floats or an error, the time.
enum class What { kValues, kTimestamps, kStartTimestamps, kInfoTimestamps };

// For every step the newest sample not older than the lookback and not followed by a staleness marker. Where a rollup
// answers, the lookback counts from the end of the last whole bucket: within the next one there is no newer sample.
Status select_instant(QueryContext& context, const Selector& selector, const Grid& grid, What what, SeriesSink& sink);

// Which resolution the samples have at a time: that of the rollup which answers there, or 0 for stored samples.
using Resolutions = std::span<const storage::Resolution>;
int64_t resolution_at(Resolutions resolutions, int64_t t_ms);
// The end of the last whole bucket.
int64_t last_whole(int64_t t_ms, int64_t resolution_ms);

// A series' samples in one range, oldest first, without staleness markers. Either kind may be missing, not both.
struct RawSeries {
  LabelsView labels;
  Samples samples;
  Histograms histograms;
  Resolutions resolutions;
};

class RawSink {
 public:
  virtual ~RawSink() = default;
  virtual Status consume(const RawSeries& series) = 0;  // Views are valid during the call.
};

// All samples that lie in any of the windows' reach, from the first window's begin to the last one's end.
Status select_raw(QueryContext& context, const Selector& selector, const RangeSpec& spec, RawSink& sink);

// What is computed of one series after the other; belongs to one thread.
class RawWork {
 public:
  virtual ~RawWork() = default;
  // An empty column: the series is left out.
  virtual Status compute(const RawSeries& series, Column& out) = 0;
};
// Thread-safe. The context outlives what is made.
using MakeRawWork = std::function<std::unique_ptr<RawWork>(QueryContext& context)>;

// The same samples as select_raw, on several threads, where there are many series; what is computed reaches the sink on
// this one.
Status select_columns(QueryContext& context, const Selector& selector, const RangeSpec& spec, const MakeRawWork& make,
                      SeriesSink& sink);

}  // namespace tidemark::promql
