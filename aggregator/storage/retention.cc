#include "aggregator/storage/retention.h"

#include <rocksdb/convenience.h>
#include <rocksdb/metadata.h>

#include <algorithm>
#include <map>

#include "aggregator/storage/keys.h"
#include "aggregator/storage/settings.h"
#include "model/labels.h"

namespace tidemark::storage {
namespace {

constexpr size_t kRecordsPerWrite = 1024;
const Window kFirstWindow = window_of(kOldestTimestampMs);
const Window kLastWindow = window_of(kNewestTimestampMs);

}  // namespace

Status Retention::run(int64_t now_ms, int64_t retention_ms, uint64_t retention_bytes) {
  WindowIndex index(rocks_, nullptr);
  const auto windows = index.windows(kFirstWindow, kLastWindow);
  if (!windows) return windows.error();
  // What an earlier pass decided, and perhaps did not finish.
  Window first_kept = window_of(head_.oldest_kept_ms.load());
  if (retention_ms > 0) {
    const int64_t cutoff_ms = std::clamp(now_ms - retention_ms, kOldestTimestampMs, kNewestTimestampMs);
    // A clock that jumped ahead must not cost the newest window.
    if (!windows->empty()) first_kept = std::max(first_kept, std::min(window_of(cutoff_ms), windows->back()));
  }
  if (retention_bytes > 0) first_kept = first_kept_by_size(*windows, first_kept, retention_bytes);
  std::vector<Window> dropped;
  std::vector<Window> kept;
  for (const Window window : *windows) (window < first_kept ? dropped : kept).push_back(window);
  if (dropped.empty()) return {};
  Status status = drop_before(first_kept, dropped, kept);
  if (!status.ok()) {
    metrics_.retention_failures.Increment();
    logger_.error("retention could not drop old data, and tries again later", {{"err", status}});
    return status;
  }
  metrics_.windows_dropped.Increment(static_cast<double>(dropped.size()));
  return {};
}

Window Retention::first_kept_by_size(const std::vector<Window>& windows, Window first_kept, uint64_t retention_bytes) {
  std::map<Window, uint64_t> sizes;
  for (const Family family : {Family::kChunks, Family::kPostings}) {
    rocksdb::ColumnFamilyMetaData meta;
    rocks_.db().GetColumnFamilyMetaData(rocks_.family(family), &meta);
    for (const auto& level : meta.levels) {
      for (const auto& file : level.files) {
        if (const auto window = parse_window(file.smallestkey)) sizes[*window] += file.size;
      }
    }
  }
  uint64_t total = rocks_.disk_bytes();
  for (size_t i = 0; i + 1 < windows.size() && total > retention_bytes; ++i) {
    total -= std::min(total, sizes[windows[i]]);
    first_kept = std::max(first_kept, windows[i + 1]);
  }
  return first_kept;
}

Status Retention::drop_before(Window first_kept, const std::vector<Window>& dropped, const std::vector<Window>& kept) {
  const int64_t oldest_ms = std::max(window_start_ms(first_kept), kOldestTimestampMs);
  if (oldest_ms > head_.oldest_kept_ms.load()) {
    if (Status status = write_oldest_kept_ms(rocks_, oldest_ms); !status.ok()) return status;
    head_.oldest_kept_ms.store(oldest_ms, std::memory_order_release);
  }
  Result<Roaring> gone = united(dropped);
  if (!gone) return gone.error();
  const Result<Roaring> held = united(kept);
  if (!held) return held.error();
  *gone -= *held;
  {
    const MutexLock lock(head_.index().mutex());
    *gone -= head_.index().ids();
    head_.doomed = *gone;
    ++head_.records_generation;
  }
  Status status = remove_records(*gone);
  {
    const MutexLock lock(head_.index().mutex());
    head_.doomed = Roaring();
    ++head_.records_generation;
  }
  if (!status.ok()) return status;
  for (const Family family : {Family::kChunks, Family::kPostings}) {
    if (status = drop_range(family, first_kept); !status.ok()) return status;
  }
  return {};
}

Result<Roaring> Retention::united(const std::vector<Window>& windows) {
  WindowIndex index(rocks_, nullptr);
  Roaring ids;
  for (const Window window : windows) {
    Result<Roaring> some = index.all(window);
    if (!some) return some;
    ids |= *some;
  }
  return ids;
}

Status Retention::remove_records(const Roaring& ids) {
  std::vector<SeriesId> all(ids.cardinality());
  ids.toUint32Array(all.data());
  for (size_t at = 0; at < all.size(); at += kRecordsPerWrite) {
    const std::vector<SeriesId> some(all.begin() + static_cast<ptrdiff_t>(at),
                                     all.begin() + static_cast<ptrdiff_t>(std::min(all.size(), at + kRecordsPerWrite)));
    const std::vector<std::string> labels = records_.labels(some);
    rocksdb::WriteBatch batch;
    for (size_t i = 0; i < some.size(); ++i) {
      if (!labels[i].empty()) records_.erase(batch, some[i], LabelsView(labels[i]).hash());
    }
    if (Status status = rocks_.written(rocks_.db().Write(rocksdb::WriteOptions(), &batch), "removing series records");
        !status.ok()) {
      return status;
    }
  }
  // A checkpoint's ingest of hashes would have to wait for them.
  if (all.empty()) return {};
  return to_status(rocks_.db().Flush(rocksdb::FlushOptions(), rocks_.family(Family::kSeries)),
                   "removing series records");
}

Status Retention::drop_range(Family family, Window first_kept) {
  const std::string begin = window_prefix(Tier::kRaw, kFirstWindow);
  const std::string end = window_prefix(Tier::kRaw, first_kept);
  const rocksdb::Slice begin_slice(begin);
  const rocksdb::Slice end_slice(end);
  rocksdb::ColumnFamilyHandle* handle = rocks_.family(family);
  rocksdb::Status status = rocksdb::DeleteFilesInRange(&rocks_.db(), handle, &begin_slice, &end_slice, false);
  // It passes over level 0 and files that straddle the border.
  if (status.ok()) status = rocks_.db().DeleteRange(rocksdb::WriteOptions(), handle, begin_slice, end_slice);
  if (status.ok()) status = rocks_.db().Flush(rocksdb::FlushOptions(), handle);
  return rocks_.written(status, "dropping old windows");
}

}  // namespace tidemark::storage
