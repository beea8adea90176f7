#include "aggregator/storage/checkpoint.h"

#include <absl/container/flat_hash_map.h>
#include <rocksdb/convenience.h>

#include <algorithm>

#include "aggregator/storage/checkpoint_record.h"
#include "aggregator/storage/postings.h"
#include "aggregator/storage/seal.h"
#include "aggregator/storage/window_marks.h"

namespace tidemark::storage {
namespace {

// A series without a sample for that long leaves memory: four times the slowest scrape interval in common use.
constexpr int64_t kIdleMs = 3'600'000;
struct WindowSeries {
  Window window;
  const SealedSeries* sealed;
  Position position;
};

// Ids whose labels are looked up while the index is locked once.
constexpr size_t kIdsPerLock = 2048;
// Late chunks of windows before these are posted again, which does no harm.
constexpr size_t kPostedWindowsMax = 3;

}  // namespace

uint64_t Checkpointer::head_bytes_max() {
  const MutexLock lock(head_.index().mutex());
  return std::max(options_.head_bytes_min, options_.head_bytes_per_series * head_.index().size());
}

void Checkpointer::not_posted(Window window, const Roaring& ids) {
  if (const auto found = posted_.find(window); found != posted_.end()) found->second -= ids;
}

uint32_t Checkpointer::idle_before_s() const {
  return static_cast<uint32_t>(std::clamp<int64_t>((clock_.now_ms() - kIdleMs) / 1000, 0, UINT32_MAX));
}

Status Checkpointer::run(bool seal_all) {
  if (Status status = health_.status(); !status.ok()) return status;
  const int64_t start_ns = clock_.monotonic_ns();
  const uint64_t appended_before = log_.appended_bytes();
  std::vector<ShardCopy> copies;
  Position trim_to = 0;
  if (Status status = write(seal_all, copies, trim_to); !status.ok()) {
    metrics_.checkpoint_failures.Increment();
    health_.fail(status);
    log_.wake();
    return status;
  }
  ++head_.checkpoints;
  for (size_t i = 0; i < copies.size(); ++i) {
    head_.shard(i).checkpoint_done(copies[i]);
  }
  evict_idle(copies);
  metrics_.chunks_sealed.Increment(static_cast<double>(chunks_sealed_));
  metrics_.head_bytes.Set(static_cast<double>(head_.bytes()));
  if (Status status = log_.trim(trim_to, appended_before); !status.ok()) return status;
  // Trimmed records go before they are written a second time, and their part of the write-ahead log with them.
  rocksdb::FlushOptions flush;
  if (Status status = rocks_.written(
          rocks_.db().Flush(flush, {rocks_.family(Family::kLog), rocks_.family(Family::kSeries)}), "flushing the log");
      !status.ok()) {
    health_.fail(status);
    log_.wake();
    return status;
  }
  Status dropped = log_.drop_files(trim_to);
  if (dropped.ok()) dropped = drop_old_generations();
  if (!dropped.ok()) {
    health_.fail(dropped);
    log_.wake();
    return dropped;
  }
  metrics_.checkpoints.Increment();
  metrics_.checkpoint_seconds.Observe(static_cast<double>(clock_.monotonic_ns() - start_ns) / 1e9);
  return {};
}

Status Checkpointer::write(bool seal_all, std::vector<ShardCopy>& copies, Position& trim_to) {
  auto begun = Ingest::begin(rocks_, ingest_dir_);
  if (!begun) return begun.error();
  Ingest& ingest = **begun;
  SealPolicy policy;
  policy.all = seal_all;
  policy.idle_before_s = idle_before_s();
  policy.open_bytes_max = head_bytes_max() / head_.shard_count();
  policy.oldest_ms = head_.oldest_kept_ms.load();
  policy.oldest_view = head_.order().oldest_view();
  ++generation_;
  // Chunks' versions are positions, and rise from one checkpoint to the next also when nothing was committed meanwhile:
  // what a view had held back is about times that the last one's chunks may have, too, and counts before them.
  const Position own = head_.order().begin();
  head_.order().finish(own, 0);

  if (Status status = ingest.next_file(Family::kCheckpoints); !status.ok()) return status;
  trim_to = UINT64_MAX;
  for (size_t i = 0; i < head_.shard_count(); ++i) {
    HeadShard& shard = head_.shard(i);
    copies.push_back(shard.checkpoint(policy, [this] { return head_.order().last_given(); }));
    ShardCopy& copy = copies.back();
    trim_to = std::min(trim_to, copy.position);
    // Written shard by shard, so that only one shard's open chunks are there twice.
    if (Status status = add_open(ingest, i, copy); !status.ok()) return status;
  }
  for (const auto add : {&Checkpointer::add_markers, &Checkpointer::add_hashes, &Checkpointer::add_chunks,
                         &Checkpointer::add_postings}) {
    if (Status status = (this->*add)(ingest, copies); !status.ok()) return status;
  }
  if (Status status = log_.sync(); !status.ok()) return status;
  return ingest.commit();
}

Status Checkpointer::add_markers(Ingest& ingest, const std::vector<ShardCopy>& copies) {
  if (Status status = ingest.next_file(Family::kCheckpoints); !status.ok()) return status;
  Marker marker;
  marker.next_id = head_.next_id.load();
  marker.next_position = head_.order().last_given() + 1;
  marker.newest_ms = head_.newest_ms.load();
  marker.generation = generation_;
  for (size_t i = 0; i < copies.size(); ++i) {
    marker.position = copies[i].position;
    if (Status status = ingest.put(marker_key(static_cast<uint16_t>(i)), encode_marker(marker)); !status.ok()) {
      return status;
    }
  }
  return {};
}

Status Checkpointer::add_open(Ingest& ingest, size_t shard, ShardCopy& copy) {
  for (uint32_t i = 0; i < copy.groups.size(); ++i) {
    const std::string key = head_group_key({generation_, static_cast<uint16_t>(shard), i});
    if (Status status = ingest.put(key, copy.groups[i]); !status.ok()) return status;
  }
  copy.groups = {};
  return {};
}

Status Checkpointer::add_hashes(Ingest& ingest, const std::vector<ShardCopy>& /*copies*/) {
  // All shards were drained since: whatever the log up to their positions defined is in the list.
  std::vector<std::pair<uint64_t, SeriesId>> hashes;
  {
    const MutexLock lock(head_.index().mutex());
    hashes.swap(head_.unhashed);
  }
  std::sort(hashes.begin(), hashes.end());
  if (Status status = ingest.next_file(Family::kSeries); !status.ok()) return status;
  for (const auto& [hash, id] : hashes) {
    if (Status status = ingest.put(series_hash_key(hash, id), {}); !status.ok()) return status;
  }
  return {};
}

Status Checkpointer::drop_old_generations() {
  const std::string begin = head_group_prefix(0);
  const std::string end = head_group_prefix(generation_);
  const rocksdb::Slice begin_slice(begin);
  const rocksdb::Slice end_slice(end);
  rocksdb::ColumnFamilyHandle* const family = rocks_.family(Family::kCheckpoints);
  rocksdb::Status status = rocksdb::DeleteFilesInRange(&rocks_.db(), family, &begin_slice, &end_slice, false);
  if (!status.ok()) return to_status(status, "dropping the last checkpoint");
  // Some lay in level 0, which is passed over. Key by key: beside a deleted range iterators crash on damage.
  rocksdb::WriteBatch batch;
  const std::unique_ptr<rocksdb::Iterator> at(rocks_.db().NewIterator(iterator_options(), family));
  for (at->Seek(begin_slice); at->Valid() && at->key().compare(end_slice) < 0; at->Next()) {
    batch.Delete(family, at->key()).PermitUncheckedError();
  }
  if (is_damage(at->status())) {  // It is not read any more, either.
    rocks_.report_damage("dropping the last checkpoint", at->status().ToString());
  } else if (!at->status().ok()) {
    return to_status(at->status(), "dropping the last checkpoint");
  }
  if (batch.Count() == 0) return {};
  status = rocks_.db().Write(rocksdb::WriteOptions(), &batch);
  // An ingest over keys in a memtable would have to wait.
  if (status.ok()) status = rocks_.db().Flush(rocksdb::FlushOptions(), family);
  return rocks_.written(status, "dropping the last checkpoint");
}

Status Checkpointer::add_chunks(Ingest& ingest, const std::vector<ShardCopy>& copies) {
  std::vector<WindowSeries> all;
  const Window oldest = window_of(head_.oldest_kept_ms.load());
  for (const ShardCopy& copy : copies) {
    for (const SealedSeries& sealed : copy.sealed) {
      for (const Window window : windows_of(sealed)) {
        if (window >= oldest) all.push_back({window, &sealed, copy.position});
      }
    }
  }
  std::sort(all.begin(), all.end(), [](const WindowSeries& a, const WindowSeries& b) {
    return a.window != b.window ? a.window < b.window : a.sealed->id < b.sealed->id;
  });
  size_t chunks = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    // A file a window, so that dropping the window drops whole files.
    if (i == 0 || all[i].window != all[i - 1].window) {
      if (Status status = ingest.next_file(Family::kChunks); !status.ok()) return status;
    }
    const auto made = seal_chunks(*all[i].sealed, all[i].window);
    if (!made) return made.error();
    for (const MadeChunk& chunk : *made) {
      const ChunkKey key{Tier::kRaw, all[i].window, all[i].sealed->id, chunk.first_ms, all[i].position};
      if (Status status = ingest.put(chunk_key(key), chunk.bytes); !status.ok()) return status;
    }
    chunks += made->size();
  }
  chunks_sealed_ = chunks;
  return {};
}

Status Checkpointer::add_postings(Ingest& ingest, const std::vector<ShardCopy>& copies) {
  std::map<Window, Roaring> windows;
  std::map<Window, Lifetimes> lifetimes;
  const Window oldest = window_of(head_.oldest_kept_ms.load());
  for (const ShardCopy& copy : copies) {
    for (const SealedSeries& sealed : copy.sealed) {
      for (const Window window : windows_of(sealed)) {
        if (window < oldest) continue;
        windows[window].add(sealed.id);
        lifetimes[window].emplace_back(sealed.id, lifetime_in(sealed, window));
      }
    }
  }
  if (Status status = add_dirty_marks(rocks_, ingest, windows); !status.ok()) return status;
  for (auto& [window, ids] : windows) {
    Roaring& posted = posted_[window];
    ids -= posted;
    std::sort(lifetimes[window].begin(), lifetimes[window].end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    if (Status status = add_window_postings(ingest, window, ids, lifetimes[window]); !status.ok()) return status;
    posted |= ids;
  }
  while (posted_.size() > kPostedWindowsMax) posted_.erase(posted_.begin());
  return {};
}

Status Checkpointer::add_window_postings(Ingest& ingest, Window window, const Roaring& ids,
                                         const Lifetimes& lifetimes) {
  std::vector<SeriesId> all(ids.cardinality());
  ids.toUint32Array(all.data());
  absl::flat_hash_map<uint32_t, Roaring> by_pair;
  SeriesIndex& index = head_.index();
  for (size_t at = 0; at < all.size(); at += kIdsPerLock) {
    const MutexLock lock(index.mutex());
    for (size_t i = at; i < std::min(all.size(), at + kIdsPerLock); ++i) {
      index.for_each_pair(all[i], [&](uint32_t pair) { by_pair[pair].add(all[i]); });
    }
  }
  // Pairs keep their numbers: only this thread removes series.
  std::vector<std::pair<std::string, Roaring*>> entries;
  entries.reserve(by_pair.size());
  for (auto& [number, series] : by_pair) {
    const MutexLock lock(index.mutex());
    const LabelView pair = index.pair(number);
    entries.emplace_back(postings_key(Tier::kRaw, window, pair.name, pair.value), &series);
  }
  std::sort(entries.begin(), entries.end());
  if (Status status = ingest.next_file(Family::kPostings); !status.ok()) return status;
  if (!ids.isEmpty()) {
    if (Status status = ingest.merge(all_postings_key(Tier::kRaw, window), encode_postings(ids)); !status.ok()) {
      return status;
    }
  }
  if (Status status = add_lifetimes_of(ingest, window, lifetimes); !status.ok()) return status;
  for (const auto& [key, series] : entries) {
    if (Status status = ingest.merge(key, encode_postings(*series)); !status.ok()) return status;
  }
  return {};
}

Status Checkpointer::add_lifetimes_of(Ingest& ingest, Window window, const Lifetimes& lifetimes) {
  for (size_t at = 0; at < lifetimes.size();) {
    const uint32_t block = lifetimes[at].first / kLifetimeBlock;
    std::map<SeriesId, Lifetime> some;
    for (; at < lifetimes.size() && lifetimes[at].first / kLifetimeBlock == block; ++at) some.insert(lifetimes[at]);
    if (Status status = ingest.merge(lifetimes_key(Tier::kRaw, window, block), encode_lifetimes(some)); !status.ok()) {
      return status;
    }
  }
  return {};
}

void Checkpointer::evict_idle(const std::vector<ShardCopy>& copies) {
  const uint32_t before_s = idle_before_s();
  SeriesIndex& index = head_.index();
  size_t evicted = 0;
  for (size_t i = 0; i < copies.size(); ++i) {
    for (const SeriesId id : copies[i].idle) {
      const MutexLock lock(index.mutex());
      const auto found = index.find(id);
      // Who asked for it lately is about to append.
      if (!found || index.last_asked_s(id) >= before_s) continue;
      if (!head_.shard(i).remove_idle(id, found->slot, before_s)) continue;
      index.remove(id);
      ++evicted;
    }
  }
  metrics_.series_evicted.Increment(static_cast<double>(evicted));
  const MutexLock lock(index.mutex());
  metrics_.series.Set(static_cast<double>(index.size()));
}

}  // namespace tidemark::storage
