#include "aggregator/storage/rollup_eraser.h"

#include "aggregator/storage/rollup_chunk.h"
#include "aggregator/storage/rollup_reader.h"
#include "aggregator/storage/unpost.h"

namespace tidemark::storage {
namespace {

// A twentieth of a second or so: what a checkpoint may have to wait for.
constexpr size_t kSeriesInPiece = 4096;

}  // namespace

Result<bool> RollupEraser::step() {
  const std::shared_ptr<const Tombstone> next = tombstones_.now()->first_over_rollups();
  if (!next) {
    current_.reset();
    return false;
  }
  if (next != current_) {
    left_ = {next->key.tier, next->key.window, next->min_ms, next->max_ms, next->ids};
    current_ = next;
  }
  if (Status status = piece(left_, &next->key); !status.ok()) {
    current_.reset();
    return fail(status);
  }
  return true;
}

Status RollupEraser::piece(Task& task, const TombstoneKey* tombstone) {
  auto ingest = Ingest::begin(rocks_, ingest_dir_);
  if (!ingest) return ingest.error();
  if (Status status = (*ingest)->next_file(Family::kChunks); !status.ok()) return status;
  Roaring left = task.ids;
  Roaring emptied;
  size_t done = 0;
  for (const SeriesId id : task.ids) {
    if (done++ == kSeriesInPiece) break;
    if (Status status = one_series(task, id, **ingest, emptied); !status.ok()) return status;
    left.remove(id);
  }
  if (Status status = (*ingest)->next_file(Family::kPostings); !status.ok()) return status;
  const bool last = tombstone != nullptr && left.isEmpty();
  if (last) {
    if (Status status = (*ingest)->erase(tombstone_key(*tombstone)); !status.ok()) return status;
  }
  if (Status status = unpost(rocks_, **ingest, task.tier, task.window, emptied); !status.ok()) return status;
  if (Status status = (*ingest)->commit(); !status.ok()) return status;
  if (last) tombstones_.remove({*tombstone});
  task.ids = std::move(left);
  return {};
}

Status RollupEraser::one_series(const Task& task, SeriesId id, Ingest& ingest, Roaring& emptied) {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  auto buckets = read_rollup(rocks_, options, task.tier, task.window, id);
  const std::string key = rollup_key(task.tier, task.window, id);
  if (!buckets) {
    if (buckets.error().code() != Code::kCorruption) return buckets.error();
    // Left to be found by readers and repaired, unless nothing of it would be left anyway.
    rocks_.report_damage("deleting from rollups", buckets.error().message());
    const bool whole = task.min_ms <= window_start_ms(task.tier, task.window) &&
                       task.max_ms >= window_start_ms(task.tier, task.window + 1) - 1;
    if (!whole) return {};
    emptied.add(id);
    return ingest.erase(key);
  }
  const size_t gone = std::erase_if(*buckets, [&](const Bucket& b) { return b.overlaps(task.min_ms, task.max_ms); });
  if (!buckets->empty() && gone == 0) return {};
  metrics_.rollup_buckets_deleted[static_cast<size_t>(task.tier) - 1]->Increment(static_cast<double>(gone));
  if (!buckets->empty()) return ingest.put(key, encode_rollup(*buckets));
  emptied.add(id);
  return gone == 0 ? Status() : ingest.erase(key);
}

}  // namespace tidemark::storage
