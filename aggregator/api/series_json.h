// The JSON of one series of a matrix.
#pragma once

#include <cstddef>
#include <string>

#include "aggregator/api/json_writer.h"
#include "aggregator/api/point_text.h"
#include "aggregator/promql/engine.h"

namespace tidemark::api {

// [1435781430.781,{"count":"42",...}]
void write_histogram_sample(JsonWriter& json, const HistogramSample& sample);

// {"metric":{...},"values":[...],"histograms":[...]}, one series after the other. One thread.
class SeriesWriter {
 public:
  // Appends until `out` holds `bytes` or a little more (a label set, a histogram), or the series is written: true.
  // After false it is to be called with the same one again.
  bool write(const promql::ResultSeries& series, std::string& out, size_t bytes);
  bool at_begin() const { return part_ == Part::kLabels; }  // Of a series.

 private:
  enum class Part { kLabels, kValues, kHistograms };
  PointsWriter points_;
  Part part_ = Part::kLabels;  // What is to be written,
  size_t next_ = 0;            // and from which sample on.
};

}  // namespace tidemark::api
