// ShardRecovery: some of the shards, brought back from head groups and log. One thread each; several work side by side
// on shards of their own.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <vector>

#include "aggregator/storage/checkpoint_record.h"
#include "aggregator/storage/file_lookup.h"
#include "aggregator/storage/head.h"
#include "aggregator/storage/metrics.h"
#include "aggregator/storage/rocks.h"
#include "aggregator/storage/series_feed.h"
#include "model/log.h"

namespace tidemark::storage {

// Counts and reports a stored piece that does not read. Thread-safe.
void report_skipped(Metrics& metrics, Logger& logger, std::string_view what, const Status& why);

class ShardRecovery {
 public:
  // `shards`: the numbers of those to bring back. All must outlive it.
  ShardRecovery(Head& head, Rocks& rocks, const std::vector<Marker>& markers, uint64_t generation,
                std::vector<size_t> shards, uint32_t now_s, Metrics& metrics, Logger& logger);

  // What was open at the checkpoint.
  Status load_groups();
  // What the log holds after it. Only the one told to reports what is wrong with the log itself.
  Status replay_log(bool reports);

  const std::vector<SeriesSlot>& loaded() const { return loaded_; }      // By load_groups().
  const std::vector<SeriesSlot>& replayed() const { return replayed_; }  // First met by replay_log().
  const Roaring& emptied() const {
    return emptied_;
  }  // Series without a sample in memory, or touched
     // by a delete that was replayed.
  int64_t newest_ms() const { return newest_ms_; }
  uint64_t log_bytes() const { return log_bytes_; }
  uint64_t records() const { return records_; }

 private:
  // The slot of a series the log names.
  Result<uint32_t> slot_of(const LogSample& sample);
  std::optional<uint32_t> known_slot(SeriesId id) const;
  void index_slots();
  void replay_pending();
  void sort_by_slot(std::vector<HeadShard::Replayed>& samples);
  Status replay_delete(std::string_view record, Position position);
  void load_group(size_t shard, uint32_t group, std::string_view value, std::vector<HeadShard::Loaded>& loaded);
  void replay_record(std::string_view record, Position position, bool reports, std::vector<LogSample>& samples,
                     Status& failed);

  Head& head_;
  Rocks& rocks_;
  const std::vector<Marker>& markers_;
  const uint64_t generation_;
  const std::vector<size_t> shards_;
  const uint32_t now_s_;
  Metrics& metrics_;
  Logger& logger_;
  std::vector<bool> mine_;  // By shard.
  FileLookup files_;
  // Slots by id: ids given out together lie together, so that a vector will nearly always do; 0 is none, else slot + 1.
  SeriesId dense_first_ = 0;
  std::vector<uint32_t> dense_slots_;
  absl::flat_hash_map<SeriesId, uint32_t> slots_;
  // Samples read and not replayed yet, by shard: many at once, so that those of a series come one after the other.
  std::vector<std::vector<HeadShard::Replayed>> pending_;
  size_t pending_count_ = 0;
  std::vector<HeadShard::Replayed> by_slot_;  // For sorting them.
  std::vector<uint32_t> slot_ends_;
  std::vector<int64_t> starts_;  // Start timestamps of those pending.
  std::vector<LogHistogram> histograms_;
  std::vector<std::vector<HeadShard::ReplayedHistogram>> record_histograms_;  // By shard, of the record at hand.
  std::vector<SeriesSlot> loaded_;
  std::vector<SeriesSlot> replayed_;
  Roaring emptied_;
  int64_t newest_ms_ = INT64_MIN;
  uint64_t log_bytes_ = 0;
  uint64_t records_ = 0;
};

}  // namespace tidemark::storage
