// JSON lines: a series a line, as VictoriaMetrics exports and imports them:
//
//   {"metric":{"__name__":"up","job":"node"},"values":[1,0.5],"timestamps":[1700000000000,1700000015000]}
//
// Timestamps are milliseconds. A series may take several lines. JSON has no numbers for these values, so they are:
//   null  the NaN that PromQL makes     "Infinity"  "-Infinity"
//   "StaleNaN"  a staleness marker      "NaN:7ff8000000000002"  any other NaN, by its bits
// The last two are ours; who reads only the others refuses such a line.
//
// Start timestamps are ours as well: "starts", as many as timestamps, 0 for a sample that has none. Left out when none
// of the line's samples has one.
//
// Native histograms have lines of their own, which are ours too: "histograms" instead of "values", each
//
//   {"schema":3,"count":10,"sum":12.5,"zero_threshold":0.5,"zero_count":2,"gauge":true,"float":true,
//    "positive":{"spans":[[-1,2]],"counts":[1,4]},"negative":{...},"bounds":[1,2]}
//
// in which what is 0, false or empty is left out. Buckets are as in model/native_histogram.h. Whether one continues the
// one before it is found anew by who reads them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/labels.h"
#include "model/native_histogram.h"
#include "model/status.h"

namespace tidemark::tsdb {

// Appends the line with its newline. `start_ms` is empty, or as long as the others.
void append_json_line(std::string& out, LabelsView labels, std::span<const int64_t> t_ms, std::span<const double> v,
                      std::span<const int64_t> start_ms = {});

void append_json_line(std::string& out, LabelsView labels, std::span<const int64_t> t_ms,
                      std::span<const HistogramRef> histograms, std::span<const int64_t> start_ms = {});

struct JsonLine {
  Labels labels;
  std::vector<int64_t> t_ms;
  std::vector<double> v;                 // As many as times,
  std::vector<HistogramRef> histograms;  // or none and as many histograms.
  std::vector<int64_t> start_ms;         // As many, or none.
};

class JsonLineParser {
 public:
  JsonLineParser();
  ~JsonLineParser();
  JsonLineParser(const JsonLineParser&) = delete;
  JsonLineParser& operator=(const JsonLineParser&) = delete;

  // Fills `line`. The error says what is wrong but not in which line of the file. Other members of the object are
  // passed over.
  Status parse(std::string_view text, JsonLine& line);

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace tidemark::tsdb
