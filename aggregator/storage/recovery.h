// Recovery: from files and log to a head. Bounded by the log's bound and the head's budget, not by history.
#pragma once

#include <memory>

#include "aggregator/storage/head.h"
#include "aggregator/storage/metrics.h"
#include "aggregator/storage/series_records.h"
#include "model/log.h"

namespace tidemark::storage {

struct Recovered {
  std::unique_ptr<Head> head;
  uint64_t log_bytes = 0;
  uint64_t generation = 0;  // Of the last checkpoint.
};

// Loads the markers and head groups, then replays each shard's log records after its marker, several shards at a time,
// while the index is built beside it. Positions and ids go on above all that markers, log and series records hold. A
// piece that does not read is reported, counted and skipped.
// `last_position`: of what else was given one.
Result<Recovered> recover(Rocks& rocks, SeriesRecords& records, unsigned shard_count, Position last_position,
                          const Clock& clock, Logger& logger, Metrics& metrics);

}  // namespace tidemark::storage
