// RollupEraser: deletes in rollups of days whose raw samples are gone. Where raw samples are left, a delete takes
// those, and the day is folded again (window_rewrite.h).
//
// What a bucket stands for cannot be told apart any more, so a bucket goes when the deleted range touches the time from
// its first sample to its last. Chunks are written anew at once, some thousand series an ingest, and series that have
// none left in the window leave its postings: a rollup is small, so no tombstone is needed, and each piece is in effect
// when it is done.
#pragma once

#include <roaring/roaring.hh>
#include <string>
#include <vector>

#include "aggregator/storage/ingest.h"
#include "aggregator/storage/keys.h"
#include "aggregator/storage/metrics.h"
#include "aggregator/storage/rocks.h"
#include "model/matcher.h"
#include "model/status.h"

namespace tidemark::storage {

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

  RollupEraser(Rocks& rocks, Metrics& metrics, std::string ingest_dir)
      : rocks_(rocks), metrics_(metrics), ingest_dir_(std::move(ingest_dir)) {}

  // What a delete has to do in rollups. REQUIRES: raw samples up to `max_ms` are gone.
  Result<std::vector<Task>> find(const std::vector<std::vector<Matcher>>& sets, int64_t min_ms, int64_t max_ms);

  // Does some of the series, and takes them out of the task. REQUIRES: no other work on files runs meanwhile.
  Status piece(Task& task);

 private:
  // The chunk without the buckets that the task is about; `emptied` gets the series when none is left.
  Status one_series(const Task& task, SeriesId id, Ingest& ingest, Roaring& emptied);

  Rocks& rocks_;
  Metrics& metrics_;
  const std::string ingest_dir_;
};

}  // namespace tidemark::storage
