#include "aggregator/storage/retention.h"

#include <rocksdb/convenience.h>
#include <rocksdb/metadata.h>

#include <algorithm>
#include <map>

#include "aggregator/storage/ingest.h"
#include "aggregator/storage/keys.h"
#include "aggregator/storage/settings.h"
#include "aggregator/storage/window_rewrite.h"
#include "model/labels.h"

namespace tidemark::storage {
namespace {

constexpr size_t kRecordsPerWrite = 1024;
const Window kFirstWindow = window_of(kOldestTimestampMs);
const Window kLastWindow = window_of(kNewestTimestampMs);

}  // namespace

Status Retention::run(int64_t now_ms, const Limits& limits) {
  std::vector<Cut> cuts;
  auto raw = cut_raw(now_ms, limits);
  if (!raw) return raw.error();
  cuts.push_back(std::move(*raw));
  const Cut& days = cuts.front();
  // Of the raw days the newest stays, and of rollups nothing after it goes: the clock may be wrong.
  const Window newest = days.kept.empty() ? days.first_kept : days.kept.back();
  for (const Tier tier : kRollupTiers) {
    auto cut = cut_rollup(tier, newest, now_ms, limits);
    if (!cut) return cut.error();
    cuts.push_back(std::move(*cut));
  }
  size_t dropped = 0;
  for (const Cut& cut : cuts) dropped += cut.dropped.size();
  waiting_ = false;
  if (dropped == 0) return {};
  Status status = announce(cuts);
  waiting_ = status.ok() && !head_.readers.older_gone();
  if (waiting_) return {};
  if (status.ok()) status = drop(cuts);
  if (!status.ok()) {
    metrics_.retention_failures.Increment();
    logger_.error("retention could not drop old data, and tries again later", {{"err", status}});
    return status;
  }
  metrics_.windows_dropped.Increment(static_cast<double>(dropped));
  return {};
}

Result<Retention::Cut> Retention::cut_raw(int64_t now_ms, const Limits& limits) {
  const auto windows = WindowIndex(rocks_, nullptr).windows(kFirstWindow, kLastWindow);
  if (!windows) return fail(windows.error());
  // What an earlier pass decided, and perhaps did not finish.
  const Window decided = window_of(head_.oldest_kept_ms.load());
  Window first_kept = decided;
  if (limits.raw_ms() > 0) {
    const int64_t cutoff_ms = std::clamp(now_ms - limits.raw_ms(), kOldestTimestampMs, kNewestTimestampMs);
    // A clock that jumped ahead must not cost the newest window.
    if (!windows->empty()) first_kept = std::max(first_kept, std::min(window_of(cutoff_ms), windows->back()));
  }
  if (limits.bytes > 0) first_kept = first_kept_by_size(*windows, first_kept, limits.bytes);
  const auto not_folded = first_not_folded(*windows, first_kept, now_ms, limits);
  if (!not_folded) return fail(not_folded.error());
  first_kept = std::max(decided, *not_folded);
  Cut cut{Tier::kRaw, first_kept, {}, {}};
  for (const Window window : *windows) (window < first_kept ? cut.dropped : cut.kept).push_back(window);
  return cut;
}

Result<Retention::Cut> Retention::cut_rollup(Tier tier, Window newest, int64_t now_ms, const Limits& limits) {
  const auto windows = WindowIndex(rocks_, nullptr, tier).windows(kFirstWindow, kLastWindow);
  if (!windows) return fail(windows.error());
  const int64_t kept_ms = limits.rollup_ms(tier) > 0 ? limits.rollup_ms(tier) : limits.raw_ms();
  const int64_t cutoff_ms =
      kept_ms > 0 ? std::clamp(now_ms - kept_ms, kOldestTimestampMs, kNewestTimestampMs) : kOldestTimestampMs;
  Cut cut{tier, window_of_day(tier, std::min(window_of(cutoff_ms), newest)), {}, {}};
  for (const Window window : *windows) (window < cut.first_kept ? cut.dropped : cut.kept).push_back(window);
  return cut;
}

Result<Window> Retention::first_not_folded(const std::vector<Window>& windows, Window first_kept, int64_t now_ms,
                                           const Limits& limits) {
  if (limits.tiers() == 0) return first_kept;
  // Late samples may still be in memory.
  const int64_t head_oldest_ms = head_.oldest_ms();
  for (const Window window : windows) {
    if (window >= first_kept) break;
    // Only tiers that would keep what is folded.
    uint64_t tiers = 0;
    for (const Tier tier : kRollupTiers) {
      const int64_t end_ms = window_start_ms(tier, window_of_day(tier, window) + 1);
      if (limits.rollup_ms(tier) > now_ms - end_ms) tiers |= tier_bit(tier);
    }
    if (tiers == 0) continue;
    const auto done = WindowRewriter::is_done(rocks_, window, limits.tiers() & tiers);
    if (!done) return fail(done.error());
    if (!*done || head_oldest_ms < window_start_ms(window + 1)) return window;
  }
  return first_kept;
}

Window Retention::first_kept_by_size(const std::vector<Window>& windows, Window first_kept, uint64_t retention_bytes) {
  std::map<Window, uint64_t> sizes;
  for (const Family family : {Family::kChunks, Family::kPostings}) {
    rocksdb::ColumnFamilyMetaData meta;
    rocks_.db().GetColumnFamilyMetaData(rocks_.family(family), &meta);
    for (const auto& level : meta.levels) {
      for (const auto& file : level.files) {
        const auto window = parse_window(file.smallestkey);
        if (window && file.smallestkey[0] == static_cast<char>(Tier::kRaw)) sizes[*window] += file.size;
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

Status Retention::raise_oldest_kept(Window first_kept) {
  const int64_t oldest_ms = std::max(window_start_ms(first_kept), kOldestTimestampMs);
  if (oldest_ms <= head_.oldest_kept_ms.load()) return {};
  if (Status status = write_oldest_kept_ms(rocks_, oldest_ms); !status.ok()) return status;
  head_.oldest_kept_ms.store(oldest_ms, std::memory_order_release);
  return {};
}

Status Retention::announce(const std::vector<Cut>& cuts) {
  std::vector<Window> announced;
  for (const Cut& cut : cuts) {
    if (cut.tier == Tier::kRaw && !cut.dropped.empty()) {
      if (Status status = raise_oldest_kept(cut.first_kept); !status.ok()) return status;
    }
    announced.push_back(cut.first_kept);
  }
  if (announced != announced_) {
    announced_ = std::move(announced);
    head_.readers.begin();
  }
  return {};
}

Status Retention::drop(const std::vector<Cut>& cuts) {
  Roaring gone;
  Roaring held;
  bool whose = true;  // It is known what the windows that stay hold.
  for (const Cut& cut : cuts) {
    Status status = unite(cut, cut.dropped, gone, gone);
    if (!status.ok() && status.code() != Code::kCorruption) return status;
    status = unite(cut, cut.kept, held, gone);
    if (!status.ok() && status.code() != Code::kCorruption) return status;
    whose = whose && status.ok();
  }
  if (!whose) gone = Roaring();  // Records of series without samples do no harm.
  gone -= held;
  {
    const MutexLock lock(head_.index().mutex());
    gone -= head_.index().ids();
    head_.doomed = gone;
    ++head_.records_generation;
  }
  Status status = remove_records(gone);
  {
    const MutexLock lock(head_.index().mutex());
    head_.doomed = Roaring();
    ++head_.records_generation;
  }
  for (const Cut& cut : cuts) {
    if (cut.dropped.empty()) continue;
    for (const Family family : {Family::kChunks, Family::kPostings}) {
      if (status.ok()) status = drop_range(family, cut);
    }
  }
  for (const Cut& cut : cuts) {
    if (status.ok()) tombstones_.drop_before(cut.tier, cut.first_kept);
  }
  return status;
}

Status Retention::unite(const Cut& cut, const std::vector<Window>& windows, Roaring& ids, Roaring& lost) {
  WindowIndex index(rocks_, nullptr, cut.tier);
  for (const Window window : windows) {
    const Result<Roaring> some = index.all(window);
    if (!some) {
      rocks_.report_damage("dropping old windows", some.error().message());
      return some.error();
    }
    ids |= *some;
    const Result<Roaring> unposted = index.unposted(window);
    if (!unposted) {
      rocks_.report_damage("dropping old windows", unposted.error().message());
      return unposted.error();
    }
    lost |= *unposted;
  }
  return {};
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
  return rocks_.written(rocks_.db().Flush(rocksdb::FlushOptions(), rocks_.family(Family::kSeries)),
                        "removing series records");
}

Status Retention::drop_range(Family family, const Cut& cut) {
  const std::string begin = window_prefix(cut.tier, kFirstWindow);
  const std::string end = window_prefix(cut.tier, cut.first_kept);
  const rocksdb::Slice begin_slice(begin);
  const rocksdb::Slice end_slice(end);
  rocksdb::ColumnFamilyHandle* handle = rocks_.family(family);
  rocksdb::Status status = rocksdb::DeleteFilesInRange(&rocks_.db(), handle, &begin_slice, &end_slice, false);
  if (Status failed = rocks_.written(status, "dropping old windows"); !failed.ok()) return failed;
  // It passes over level 0 and files that straddle the border. Key by key: beside a deleted range iterators crash on
  // damage.
  auto ingest = Ingest::begin(rocks_, ingest_dir_);
  if (!ingest) return ingest.error();
  if (Status failed = (*ingest)->next_file(family); !failed.ok()) return failed;
  rocksdb::ReadOptions options = iterator_options();
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> at(rocks_.db().NewIterator(options, handle));
  for (at->Seek(begin_slice); at->Valid() && at->key().compare(end_slice) < 0; at->Next()) {
    if (Status failed = (*ingest)->erase(view(at->key())); !failed.ok()) return failed;
  }
  if (is_damage(at->status())) {  // What is left is before the oldest time kept, and stays out of sight.
    rocks_.report_damage("dropping old windows", at->status().ToString());
  } else if (!at->status().ok()) {
    return to_status(at->status(), "dropping old windows");
  }
  return (*ingest)->commit();
}

}  // namespace tidemark::storage
