// MatrixBatch: the JSON of many series of a matrix, encoded by several threads at once and put together in order.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "aggregator/api/series_json.h"
#include "aggregator/promql/engine.h"
#include "aggregator/promql/helpers.h"

namespace tidemark::api {

// One thread, which has the help of others while it is in append().
class MatrixBatch {
 public:
  // The helpers are outlived.
  explicit MatrixBatch(promql::Helpers& helpers);
  MatrixBatch(const MatrixBatch&) = delete;
  MatrixBatch& operator=(const MatrixBatch&) = delete;

  // How many of the series, from the first on, make about `bytes`, or what is enough for one batch. 0 when they are so
  // few, or so short, that no helper would be awake in time.
  size_t count_of(std::span<const promql::ResultSeries> series, size_t bytes) const;

  // Appends them with commas between. Holds as much again meanwhile.
  void append(std::span<const promql::ResultSeries> series, std::string& out);

 private:
  struct Part {
    std::span<const promql::ResultSeries> series;
    SeriesWriter writer;
    std::string text;
  };
  class Encoding;

  promql::Helpers& helpers_;
  std::vector<Part> parts_;  // Kept, with their memory.
};

}  // namespace tidemark::api
