// Cardinality: where the active series come from, for /api/v1/status/tsdb.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tidemark::storage {

class SeriesIndex;

struct Cardinality {
  struct Count {
    std::string name;
    uint64_t count = 0;
    bool operator==(const Count&) const = default;
  };

  uint64_t series = 0;
  uint64_t label_pairs = 0;
  // The first of each, the largest first.
  std::vector<Count> series_by_metric;
  std::vector<Count> values_by_label;
  std::vector<Count> bytes_by_label;  // Of the values, had each series its own copy.
  std::vector<Count> series_by_pair;  // "name=value"
  // Of samples in memory and files; 0 when there are none.
  int64_t min_ms = 0;
  int64_t max_ms = 0;
};

// Leaves out the times. Looks at some thousand label pairs under the index's lock, then lets others in; series that
// come and go meanwhile may be counted or not.
Cardinality count_series(SeriesIndex& index, size_t limit);

}  // namespace tidemark::storage
