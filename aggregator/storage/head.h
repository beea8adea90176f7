// Head: all of the store that is in memory. The index, the shards, the order of commits, and the counters that must
// never go back.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "aggregator/storage/commit_order.h"
#include "aggregator/storage/head_shard.h"
#include "aggregator/storage/reader_epochs.h"
#include "aggregator/storage/series_index.h"

namespace tidemark::storage {

class Head {
 public:
  // `last`: the highest position ever given out.
  Head(unsigned shard_count, Position last) : order_(last) {
    for (unsigned i = 0; i < shard_count; ++i) shards_.push_back(std::make_unique<HeadShard>(static_cast<uint16_t>(i)));
  }

  SeriesIndex& index() { return index_; }
  CommitOrder& order() { return order_; }
  size_t shard_count() const { return shards_.size(); }
  HeadShard& shard(size_t i) { return *shards_[i]; }
  HeadShard& shard_of(SeriesId id) { return *shards_[id % shards_.size()]; }

  uint64_t bytes() const {
    uint64_t bytes = 0;
    for (const auto& shard : shards_) bytes += shard->head_bytes() + shard->waiting_bytes();
    return bytes;
  }
  int64_t oldest_ms() {
    int64_t oldest = INT64_MAX;
    for (const auto& shard : shards_) oldest = std::min(oldest, shard->oldest_ms());
    return oldest;
  }

  // Ids from here on are unused. Changed under the index's mutex.
  std::atomic<SeriesId> next_id{1};
  // New series whose hash is not in files yet, by hash: the next checkpoint puts it there. Under the index's mutex.
  std::vector<std::pair<uint64_t, SeriesId>> unhashed;
  // Series whose records retention is removing; they must not become active again. With every change the generation
  // goes up: who looked a record up before must look again. Both under the index's mutex.
  Roaring doomed;
  std::atomic<uint64_t> records_generation{0};
  // Active series that may have no sample anywhere: deletes touched them, or a restart found nothing open of them. Who
  // lists labels looks twice. Under the index's mutex.
  Roaring maybe_empty;
  // Of all samples ever stored; INT64_MIN when there are none.
  std::atomic<int64_t> newest_ms{INT64_MIN};
  // Samples before it are refused and hidden: their windows are dropped, or about to be. Only grows.
  std::atomic<int64_t> oldest_kept_ms{kOldestTimestampMs};

  ReaderEpochs readers;

  // How many checkpoints have let go of what they put into files. Goes up before the first of it leaves memory: a
  // reader who finds it unchanged after copying from the head has missed nothing since its snapshot.
  std::atomic<uint64_t> checkpoints{0};

  void raise_newest_ms(int64_t t_ms) {
    int64_t newest = newest_ms.load(std::memory_order_relaxed);
    while (t_ms > newest && !newest_ms.compare_exchange_weak(newest, t_ms, std::memory_order_relaxed)) {
    }
  }

 private:
  SeriesIndex index_;
  std::vector<std::unique_ptr<HeadShard>> shards_;
  CommitOrder order_;
};

}  // namespace tidemark::storage
