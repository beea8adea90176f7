// RollupEraser: takes what was deleted out of rollups of days whose raw samples are gone. Where raw samples are left, a
// delete takes those, and the day is folded again (window_rewrite.h).
//
// A delete hides such buckets by tombstones (tombstones.h), in the write that makes it known, so it is in effect wholly
// or not at all. What is here follows at leisure, some thousand series an ingest: chunks are written anew, series that
// have none left in the window leave its postings, and with the last of them the tombstone goes. A crash costs the
// ingests since the tombstone's first: they are done again.
#pragma once

#include <optional>
#include <roaring/roaring.hh>
#include <string>
#include <vector>

#include "aggregator/storage/ingest.h"
#include "aggregator/storage/keys.h"
#include "aggregator/storage/metrics.h"
#include "aggregator/storage/rocks.h"
#include "aggregator/storage/tombstones.h"
#include "model/status.h"

namespace tidemark::storage {

// Used by one thread at a time (Engine's mutex over work on files).
class RollupEraser {
 public:
  // Some series of one window of a tier, in a range of days without raw samples.
  struct Task {
    Tier tier = Tier::k5m;
    Window window = 0;
    int64_t min_ms = 0;  // Inclusive both.
    int64_t max_ms = 0;
    Roaring ids;  // Still to do.
  };

  RollupEraser(Rocks& rocks, Metrics& metrics, Tombstones& tombstones, std::string ingest_dir)
      : rocks_(rocks), metrics_(metrics), tombstones_(tombstones), ingest_dir_(std::move(ingest_dir)) {}

  // Does some of the series, and takes them out of the task.
  Status piece(Task& task) { return piece(task, nullptr); }
  // One piece of what the tombstones over rollups ask for. False: there are none.
  Result<bool> step();

 private:
  // `tombstone`: goes with the last series. Null: none.
  Status piece(Task& task, const TombstoneKey* tombstone);
  // The chunk without the buckets that the task is about; `emptied` gets the series when none is left.
  Status one_series(const Task& task, SeriesId id, Ingest& ingest, Roaring& emptied);

  Rocks& rocks_;
  Metrics& metrics_;
  Tombstones& tombstones_;
  const std::string ingest_dir_;
  std::shared_ptr<const Tombstone> current_;  // What step() is at; null before the first.
  Task left_;                                 // Of it.
};

}  // namespace tidemark::storage
