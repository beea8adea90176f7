// Scripts that test a PromQL engine: the language of Prometheus' promql/promqltest.
//
//   load 1m                                  # a point a minute for each series
//     h {{count:1 buckets:[1]}}+{{...}}x4    # native histograms, likewise (histogram_literal.h)
//     up{job="node"} 1 1 0 _ stale 2+3x4     # _ nothing, stale a staleness marker, 2+3x4 is 2 5 8 11 14
//     x@st -30s-1mx2                         # start timestamps of the next line's values, relative to their times
//     x    1 2 3
//   eval instant at 5m sum(up)
//     expect no_warn
//     {} 2
//   eval range from 0 to 5m step 1m up       # one value a step
//   clear
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/labels.h"
#include "model/native_histogram.h"
#include "model/sample.h"
#include "model/status.h"

namespace re2 {
class RE2;
}

namespace tidemark::promqltest {

// One place in a sequence of values.
struct Value {
  enum class Kind { kOmitted, kFloat, kHistogram };
  Kind kind = Kind::kOmitted;
  double number = 0;
  HistogramRef histogram = nullptr;  // kHistogram only.
  bool hint_given = false;           // Its hint is part of what is expected.
  int64_t start_ms = kNoStart;
};

struct SeriesLine {
  Labels labels;
  std::vector<Value> values;
};

// metric{label="value"} and a sequence of values.
Result<SeriesLine> parse_series_line(std::string_view line);

// Whether a line of a load is one of start timestamps, and what it says: one place for each value, in milliseconds.
bool is_start_line(std::string_view line);
struct StartLine {
  Labels labels;
  std::vector<std::optional<int64_t>> offsets_ms;
};
Result<StartLine> parse_start_line(std::string_view line);

// One "expect" line about messages: exact text, pattern, or any.
struct Expectation {
  std::string text;
  std::shared_ptr<const re2::RE2> pattern;  // When set, instead of the text.

  bool matches(const std::string& message) const;
  std::string to_string() const;
};

struct Load {
  int64_t gap_ms = 0;
  bool with_histograms = false;  // load_with_nhcb
  std::vector<SeriesLine> series;
};

struct Eval {
  int line = 0;
  std::string expr;
  bool is_range = false;
  int64_t start_ms = 0;
  int64_t end_ms = 0;   // Equal to start_ms for an instant query.
  int64_t step_ms = 0;  // 0 for an instant query.

  bool ordered = false;
  bool no_warn = false;
  bool no_info = false;
  std::optional<Expectation> fail;
  std::vector<Expectation> warn;
  std::vector<Expectation> info;

  std::optional<double> scalar;
  std::optional<std::string> text;
  // "expect range vector": of an instant query, the times of its samples.
  struct RangeVector {
    int64_t start_ms = 0;
    int64_t step_ms = 0;
  };
  std::optional<RangeVector> range_vector;
  std::vector<SeriesLine> series;
};

// What stands in one line with what belongs to it. A broken one counts as a failed eval.
struct Command {
  enum class Kind { kClear, kLoad, kEval, kBroken };
  Kind kind = Kind::kClear;
  int line = 0;
  Load load;
  Eval eval;
  std::string problem;  // kBroken only.
};

std::vector<Command> parse_script(std::string_view text);

}  // namespace tidemark::promqltest
