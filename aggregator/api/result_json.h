// The JSON of a query's result: the `data` of /api/v1/query and query_range.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "aggregator/api/matrix_batch.h"
#include "aggregator/api/series_json.h"
#include "aggregator/promql/engine.h"

namespace tidemark::api {

// {"resultType":"matrix","result":[...]}, in pieces.
class ResultEncoder {
 public:
  // The result is outlived.
  explicit ResultEncoder(const promql::QueryResult& result);

  // Appends to `out` until that holds `bytes` or a little more (a label set, a histogram), or all is written: true.
  bool write(std::string& out, size_t bytes);

 private:
  void write_begin(std::string& out) const;
  // Appends the next series of a matrix, as many as fit, with the engine's helpers. False when it is not worth it.
  bool write_batch(std::string& out, size_t bytes);

  const promql::QueryResult& result_;
  bool begun_ = false;
  size_t series_ = 0;    // Written whole.
  SeriesWriter writer_;  // Of the next one of a matrix.
  std::optional<MatrixBatch> batch_;
};

// All at once.
void append_query_data(std::string& out, const promql::QueryResult& result);

}  // namespace tidemark::api
