#include "aggregator/storage/deleter.h"

#include <algorithm>

#include "aggregator/storage/window_index.h"
#include "aggregator/storage/window_marks.h"

namespace tidemark::storage {

class Deleter::ShardsClosed {
 public:
  explicit ShardsClosed(Head& head) : head_(head) {
    for (size_t i = 0; i < head_.shard_count(); ++i) head_.shard(i).close_off();
  }
  ~ShardsClosed() {
    for (size_t i = 0; i < head_.shard_count(); ++i) head_.shard(i).reopen();
  }
  ShardsClosed(const ShardsClosed&) = delete;
  ShardsClosed& operator=(const ShardsClosed&) = delete;

 private:
  Head& head_;
};

Status Deleter::run(const std::vector<std::vector<Matcher>>& sets, int64_t min_ms, int64_t max_ms) {
  const int64_t oldest_ms = head_.oldest_kept_ms.load();
  const int64_t raw_min_ms = std::max(min_ms, oldest_ms);
  max_ms = std::min(max_ms, kNewestTimestampMs);
  if (min_ms > max_ms) return {};
  std::vector<Tombstone> tombstones;
  if (Status status = find_in_files(Tier::kRaw, sets, raw_min_ms, max_ms, tombstones); !status.ok()) return status;
  Roaring ids;
  for (const Tombstone& one : tombstones) ids |= one.ids;
  for (const Tier tier : kRollupTiers) {
    Status status =
        find_in_files(tier, sets, std::max(min_ms, kOldestTimestampMs), std::min(max_ms, oldest_ms - 1), tombstones);
    if (!status.ok()) return status;
  }
  if (Status status = check_room(tombstones.size()); !status.ok()) return status;
  Position position = 0;
  {
    const ShardsClosed closed(head_);
    if (raw_min_ms <= max_ms) {
      const MutexLock lock(head_.index().mutex());
      for (const std::vector<Matcher>& matchers : sets) {
        const Result<Roaring> some = head_.index().match(matchers);
        if (!some) return some.error();
        ids |= *some;
      }
    }
    if (ids.isEmpty() && tombstones.empty()) return {};
    std::vector<LogDelete> in_head;
    if (!ids.isEmpty()) in_head.push_back({raw_min_ms, max_ms, ids});
    position = head_.order().begin();
    if (Status status = write(in_head, tombstones, position); !status.ok()) {
      head_.order().fail();
      return status;
    }
    erase_in_head(ids, raw_min_ms, max_ms);
    tombstones_.add(std::move(tombstones));
  }
  return finish(position);
}

Status Deleter::bury(std::vector<Tombstone> tombstones) {
  if (tombstones.empty()) return {};
  if (Status status = check_room(tombstones.size()); !status.ok()) return status;
  std::vector<LogDelete> deletes;
  deletes.reserve(tombstones.size());
  for (const Tombstone& one : tombstones) deletes.push_back({one.min_ms, one.max_ms, one.ids});
  Position position = 0;
  {
    const ShardsClosed closed(head_);
    position = head_.order().begin();
    if (Status status = write(deletes, tombstones, position); !status.ok()) {
      head_.order().fail();
      return status;
    }
    const int64_t oldest_ms = head_.oldest_ms();
    for (const LogDelete& one : deletes) {
      if (oldest_ms <= one.max_ms) erase_in_head(one.ids, one.min_ms, one.max_ms);
    }
    tombstones_.add(std::move(tombstones));
  }
  return finish(position);
}

Status Deleter::check_room(size_t more) {
  const size_t there = tombstones_.now()->size();
  if (there + more <= Tombstones::kMax) return {};
  metrics_.deletes_refused.Increment();
  return Status::unavailable("there are " + std::to_string(there) + " tombstones already, of " +
                             std::to_string(Tombstones::kMax) +
                             ": clean them first (POST /api/v1/admin/tsdb/clean_tombstones), or delete more series at "
                             "once");
}

Status Deleter::finish(Position position) {
  head_.order().finish(position, 0);
  metrics_.deletes.Increment();
  // The next ingest into one of these windows would have to wait for a flush. The log goes first: a tombstone must not
  // outlive its record, or its position would be given out again.
  if (Status status = log_.sync(); !status.ok()) return status;
  if (Status status = rocks_.written(rocks_.db().Flush(rocksdb::FlushOptions(), rocks_.family(Family::kPostings)),
                                     "writing tombstones");
      !status.ok()) {
    health_.fail(status);
    log_.wake();
    return status;
  }
  return head_.order().wait_published(position) ? Status() : health_.status();
}

Status Deleter::find_in_files(Tier tier, const std::vector<std::vector<Matcher>>& sets, int64_t min_ms, int64_t max_ms,
                              std::vector<Tombstone>& found) {
  if (min_ms > max_ms) return {};
  WindowIndex index(rocks_, nullptr, tier);
  const auto windows = index.windows(window_of_day(tier, window_of(min_ms)), window_of_day(tier, window_of(max_ms)));
  if (!windows) return windows.error();
  for (const Window window : *windows) {
    Tombstone one;
    one.key.tier = tier;
    one.key.window = window;
    one.min_ms = std::max(min_ms, window_start_ms(tier, window));
    one.max_ms = std::min(max_ms, window_start_ms(tier, window + 1) - 1);
    for (const std::vector<Matcher>& matchers : sets) {
      const Result<Roaring> some = index.match(window, matchers);
      if (!some) return some.error();
      one.ids |= *some;
    }
    if (!one.ids.isEmpty()) found.push_back(std::move(one));
  }
  return {};
}

Status Deleter::write(const std::vector<LogDelete>& deletes, std::vector<Tombstone>& tombstones, Position position) {
  rocksdb::WriteBatch batch;
  std::map<Window, Roaring> windows;
  for (Tombstone& one : tombstones) {
    one.key.position = position;
    batch.Put(rocks_.family(Family::kPostings), tombstone_key(one.key), encode_tombstone(one)).PermitUncheckedError();
    if (one.key.tier == Tier::kRaw) windows[one.key.window] = one.ids;
  }
  if (Status status = add_dirty_marks(rocks_, batch, windows); !status.ok()) return status;
  return log_.append(batch, position, encode_delete_record(deletes));
}

void Deleter::erase_in_head(const Roaring& ids, int64_t min_ms, int64_t max_ms) {
  std::vector<SeriesIndex::Found> active;
  {
    const MutexLock lock(head_.index().mutex());
    for (const SeriesId id : ids& head_.index().ids()) {
      if (const auto found = head_.index().find(id)) active.push_back(*found);
    }
    head_.maybe_empty |= ids & head_.index().ids();
  }
  for (const auto& [id, slot] : active) head_.shard_of(id).erase(id, slot, min_ms, max_ms);
}

}  // namespace tidemark::storage
