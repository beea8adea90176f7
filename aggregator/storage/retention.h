// Retention: drops whole windows, by time and by size.
//
//   persist "nothing before this is kept" (it never moves back, so nothing revives what is dropped)
//   ->  remove records of series that neither a remaining window nor the head holds
//   ->  drop the windows' chunks and postings: whole files, then what is left in files that straddle
//
// A crash anywhere leaves work that the next pass does again.
#pragma once

#include <atomic>
#include <vector>

#include "aggregator/storage/head.h"
#include "aggregator/storage/health.h"
#include "aggregator/storage/series_records.h"
#include "aggregator/storage/window_index.h"

namespace tidemark::storage {

class Retention {
 public:
  Retention(Head& head, Rocks& rocks, SeriesRecords& records, Metrics& metrics, Logger& logger)
      : head_(head), rocks_(rocks), records_(records), metrics_(metrics), logger_(logger) {}

  // Drops windows that end before now - retention_ms (0: none by time), then the oldest until the files take at most
  // `retention_bytes` (0: none by size); the newest window always stays. One at a time.
  Status run(int64_t now_ms, int64_t retention_ms, uint64_t retention_bytes);

 private:
  Status drop_before(Window first_kept, const std::vector<Window>& dropped, const std::vector<Window>& kept);
  Result<Roaring> united(const std::vector<Window>& windows);
  Status remove_records(const Roaring& ids);
  Status drop_range(Family family, Window first_kept);
  Window first_kept_by_size(const std::vector<Window>& windows, Window first_kept, uint64_t retention_bytes);

  Head& head_;
  Rocks& rocks_;
  SeriesRecords& records_;
  Metrics& metrics_;
  Logger& logger_;
};

}  // namespace tidemark::storage
