// What is in a data directory that no process uses: counted by reading every series record and every chunk's header.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "aggregator/storage/keys.h"
#include "aggregator/storage/verify.h"
#include "model/log.h"
#include "model/status.h"

namespace tidemark::storage {

struct StoreStats {
  struct Family {
    std::string name;
    uint64_t files = 0;
    uint64_t bytes = 0;
  };
  struct Day {
    Tier tier = Tier::kRaw;
    Window window = 0;
    uint64_t series = 0;
    uint64_t chunks = 0;
    uint64_t samples = 0;  // Of the raw tier.
    uint64_t bytes = 0;    // Chunks and their keys, before RocksDB's blocks.
  };
  struct Count {
    std::string name;
    uint64_t count = 0;
  };

  uint64_t series = 0;
  uint64_t samples = 0;  // In raw chunks. What is open or in the log only is counted below.
  uint64_t open_samples = 0;
  uint64_t log_records = 0;
  uint64_t disk_bytes = 0;  // All files of the database.
  uint64_t wal_bytes = 0;   // Of these: RocksDB's write-ahead log.
  std::vector<Family> families;
  std::vector<Day> days;  // By tier, then day.

  // The first `limit` of each, the largest first.
  uint64_t label_pairs = 0;
  std::vector<Count> metrics;          // Series of each metric.
  std::vector<Count> values_by_label;  // Values of each label name.
  std::vector<Count> series_by_label;  // Series that have each label name.
  std::vector<Count> series_by_pair;   // Series with each name="value".

  uint64_t damaged = 0;  // Pieces left out because they do not read.
};

Result<StoreStats> read_store_stats(const OfflineStore& store, size_t limit, Logger& logger);

}  // namespace tidemark::storage
