#include "aggregator/storage/rollup_eraser.h"

#include <algorithm>

#include "aggregator/storage/rollup_chunk.h"
#include "aggregator/storage/unpost.h"
#include "aggregator/storage/window_index.h"

namespace tidemark::storage {
namespace {

// A twentieth of a second or so: what a checkpoint may have to wait for.
constexpr size_t kSeriesInPiece = 4096;

}  // namespace

Result<std::vector<RollupEraser::Task>> RollupEraser::find(const std::vector<std::vector<Matcher>>& sets,
                                                           int64_t min_ms, int64_t max_ms) {
  std::vector<Task> out;
  min_ms = std::max(min_ms, kOldestTimestampMs);
  if (min_ms > max_ms) return out;
  for (const Tier tier : kRollupTiers) {
    WindowIndex index(rocks_, nullptr, tier);
    const auto windows = index.windows(window_of_day(tier, window_of(min_ms)), window_of_day(tier, window_of(max_ms)));
    if (!windows) return fail(windows.error());
    for (const Window window : *windows) {
      Task task{tier, window, min_ms, max_ms, {}};
      for (const std::vector<Matcher>& matchers : sets) {
        const Result<Roaring> some = index.match(window, matchers);
        if (!some) return fail(some.error());
        task.ids |= *some;
      }
      if (!task.ids.isEmpty()) out.push_back(std::move(task));
    }
  }
  return out;
}

Status RollupEraser::piece(Task& task) {
  auto ingest = Ingest::begin(rocks_, ingest_dir_);
  if (!ingest) return ingest.error();
  if (Status status = (*ingest)->next_file(Family::kChunks); !status.ok()) return status;
  Roaring done;
  Roaring emptied;
  for (const SeriesId id : task.ids) {
    if (done.cardinality() == kSeriesInPiece) break;
    if (Status status = one_series(task, id, **ingest, emptied); !status.ok()) return status;
    done.add(id);
  }
  if (Status status = (*ingest)->next_file(Family::kPostings); !status.ok()) return status;
  if (Status status = unpost(rocks_, **ingest, task.tier, task.window, emptied); !status.ok()) return status;
  if (Status status = (*ingest)->commit(); !status.ok()) return status;
  task.ids -= done;
  return {};
}

Status RollupEraser::one_series(const Task& task, SeriesId id, Ingest& ingest, Roaring& emptied) {
  const std::string key = chunk_key({task.tier, task.window, id, window_start_ms(task.tier, task.window), 0});
  rocksdb::PinnableSlice value;
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  const rocksdb::Status status = rocks_.db().Get(options, rocks_.family(Family::kChunks), key, &value);
  if (status.IsNotFound()) {
    emptied.add(id);
    return {};
  }
  if (!status.ok()) return to_status(status, "reading a rollup");
  auto buckets = parse_rollup(view(value));
  if (!buckets) {
    // Left to be found by readers and repaired, unless nothing of it would be left anyway.
    metrics_.corruptions.Increment();
    const bool whole = task.min_ms <= window_start_ms(task.tier, task.window) &&
                       task.max_ms >= window_start_ms(task.tier, task.window + 1) - 1;
    if (!whole) return {};
    emptied.add(id);
    return ingest.erase(key);
  }
  const size_t gone = std::erase_if(*buckets, [&](const Bucket& b) { return b.overlaps(task.min_ms, task.max_ms); });
  if (gone == 0) return {};
  metrics_.rollup_buckets_deleted[static_cast<size_t>(task.tier) - 1]->Increment(static_cast<double>(gone));
  if (!buckets->empty()) return ingest.put(key, encode_rollup(*buckets));
  emptied.add(id);
  return ingest.erase(key);
}

}  // namespace tidemark::storage
