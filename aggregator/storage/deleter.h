// Deleter: the way of a delete into the store. It is a commit with nothing beside it.
//
//   match the series of each window in files, of rollup tiers for days that have nothing else
//   ->  close off all shards, in rising order  ->  match those in memory
//   ->  take a position  ->  write log record, tombstones and dirty marks in one batch
//   ->  remove from the head, show the tombstones  ->  reopen the shards, publish  ->  sync
//
// Commits wait while the shards are closed off: for one write and for decoding what is in memory of the series. A
// query that runs meanwhile sees some of its series before the delete and some after it.
#pragma once

#include <vector>

#include "aggregator/storage/delete_record.h"
#include "aggregator/storage/head.h"
#include "aggregator/storage/log.h"
#include "aggregator/storage/tombstones.h"
#include "model/matcher.h"

namespace tidemark::storage {

class Deleter {
 public:
  Deleter(Head& head, Rocks& rocks, Log& log, Health& health, Metrics& metrics, Tombstones& tombstones)
      : head_(head), rocks_(rocks), log_(log), health_(health), metrics_(metrics), tombstones_(tombstones) {}

  // See Admin::delete_samples. REQUIRES: Log::wait_for_room() said yes; no other work on files runs meanwhile.
  Status run(const std::vector<std::vector<Matcher>>& sets, int64_t min_ms, int64_t max_ms);
  // Deletes what these say, whose positions are given here; in memory of the same series. For retention: it may run on
  // the thread that makes room in the log.
  Status bury(std::vector<Tombstone> tombstones);

 private:
  class ShardsClosed;
  Status find_in_files(Tier tier, const std::vector<std::vector<Matcher>>& sets, int64_t min_ms, int64_t max_ms,
                       std::vector<Tombstone>& found);
  Status check_room(size_t more);
  Status write(const std::vector<LogDelete>& deletes, std::vector<Tombstone>& tombstones, Position position);
  // After the shards were reopened.
  Status finish(Position position);
  void erase_in_head(const Roaring& ids, int64_t min_ms, int64_t max_ms);

  Head& head_;
  Rocks& rocks_;
  Log& log_;
  Health& health_;
  Metrics& metrics_;
  Tombstones& tombstones_;
};

}  // namespace tidemark::storage
