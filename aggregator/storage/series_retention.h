// SeriesRetention: retention by matcher, of series rather than days.
//
// A day that is past the time of a rule loses the series of which that rule is the first that matches. Raw samples go
// as in a delete (deleter.h): a tombstone hides them at once, and the work on closed windows takes them out of files,
// rollups following. Of days that have nothing but rollups, these go (rollup_eraser.h). Where a rule keeps raw windows
// longer than others are to be kept, series that no rule names go when their time is over.
//
// Nothing is noted in files of what was done: series that are gone are in no postings any more, those that are going in
// a tombstone. So a pass finds what came late since, what a reload changed, and what a crash left undone.
#pragma once

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "aggregator/storage/deleter.h"
#include "aggregator/storage/retention_settings.h"
#include "aggregator/storage/rollup_eraser.h"
#include "aggregator/storage/window_index.h"
#include "model/log.h"

namespace tidemark::storage {

class SeriesRetention {
 public:
  SeriesRetention(Head& head, Rocks& rocks, const Tombstones& tombstones, Deleter& deleter, Metrics& metrics,
                  Logger& logger)
      : head_(head), rocks_(rocks), tombstones_(tombstones), deleter_(deleter), metrics_(metrics), logger_(logger) {}

  // Hides raw samples; what is to be erased from rollups is the caller's to do. Of raw days the newest stays: the clock
  // may be wrong. REQUIRES: no other work on files runs meanwhile.
  std::vector<RollupEraser::Task> run(int64_t now_ms, const RetentionLimits& limits);

  // A pass failed, or what was to be erased from rollups: counts and logs it; the next pass begins anew.
  void report(const Status& status);

 private:
  Status hide_raw(int64_t now_ms, const std::vector<RetentionRule>& rules);
  Status find_in_rollups(int64_t now_ms, const RetentionLimits& limits, std::vector<RollupEraser::Task>& out);
  // Series of a raw day that is past the time of their rule.
  Result<Roaring> expired(WindowIndex& index, Window window, int64_t now_ms, const std::vector<RetentionRule>& rules);

  Head& head_;
  Rocks& rocks_;
  const Tombstones& tombstones_;
  Deleter& deleter_;
  Metrics& metrics_;
  Logger& logger_;
  // What was found in rollups: up to which day, by rule. Windows of several days go on naming a series after its first
  // days are gone. Forgotten with the process, which costs a look at them.
  std::shared_ptr<const std::vector<RetentionRule>> done_for_;
  std::map<std::pair<Tier, Window>, std::vector<Window>> rollups_done_;
};

}  // namespace tidemark::storage
