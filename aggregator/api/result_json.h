// The JSON of a query's result: the `data` of /api/v1/query and query_range.
#pragma once

#include <cstddef>
#include <string>

#include "aggregator/api/point_text.h"
#include "aggregator/promql/engine.h"

namespace tidemark::api {

// {"resultType":"matrix","result":[...]}, in pieces.
class ResultEncoder {
 public:
  // The result is outlived.
  explicit ResultEncoder(const promql::QueryResult& result) : result_(result) {}

  // Appends to `out` until that holds `bytes` or a little more (a label set, a histogram), or all is written: true.
  bool write(std::string& out, size_t bytes);

 private:
  void write_begin(std::string& out) const;
  bool write_series(const promql::ResultSeries& series, std::string& out, size_t bytes);

  const promql::QueryResult& result_;
  PointsWriter points_;
  bool begun_ = false;
  enum class Part { kLabels, kValues, kHistograms };
  size_t series_ = 0;          // Written whole.
  Part part_ = Part::kLabels;  // Of the next one, of a matrix: what is to be written,
  size_t next_ = 0;            // and from which sample on.
};

// All at once.
void append_query_data(std::string& out, const promql::QueryResult& result);

}  // namespace tidemark::api
