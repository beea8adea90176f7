// OpenMetrics text with timestamps, a line at a time: what `promtool tsdb create-blocks-from openmetrics` reads.
//
//   # TYPE up gauge              passed over, as are HELP and UNIT
//   up{job="node"} 1 1700000000.5
//   # EOF                        the last line
//
// Timestamps are seconds. An exemplar behind a sample (# {...}) is passed over. A NaN is a NaN: the text knows no
// staleness markers, which are written as NaN too.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/labels.h"
#include "model/status.h"

namespace tidemark::tsdb {

// Appends one sample with its newline.
void append_openmetrics_line(std::string& out, LabelsView labels, int64_t t_ms, double v);

class OpenMetricsParser {
 public:
  enum class Entry { kSample, kNothing, kEnd, kError };

  // Reads one line without its newline.
  Entry parse(std::string_view line);

  const Labels& labels() const { return labels_; }
  int64_t t_ms() const { return t_ms_; }
  double value() const { return value_; }
  const Status& status() const { return status_; }  // Of kError; without the place.

 private:
  Entry refuse(std::string what);

  std::string series_;  // The text that labels_ was made of: lines of a series follow each other.
  Labels labels_;
  int64_t t_ms_ = 0;
  double value_ = 0;
  bool ended_ = false;
  Status status_;
};

}  // namespace tidemark::tsdb
