#include "aggregator/storage/window_rewrite.h"

#include <rocksdb/experimental.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "aggregator/storage/histogram_chunk.h"
#include "aggregator/storage/postings.h"
#include "aggregator/storage/rollup_writer.h"
#include "aggregator/storage/unpost.h"
#include "aggregator/storage/window_index.h"

namespace tidemark::storage {

namespace {

constexpr SeriesId kNoSeries = 0;  // Never given out.
constexpr unsigned kDamagedRoundsMax = 3;

}  // namespace

ChunkRun run_to_rewrite(const std::vector<ReadChunk>& chunks) {
  std::vector<bool> overlaps(chunks.size());
  size_t reaches_furthest = 0;
  for (size_t i = 1; i < chunks.size(); ++i) {
    if (chunks[i].first_ms <= chunks[reaches_furthest].last_ms) overlaps[i] = overlaps[reaches_furthest] = true;
    if (chunks[i].last_ms >= chunks[reaches_furthest].last_ms) reaches_furthest = i;
  }
  const auto stays = [&](size_t i) { return chunks[i].count >= kChunkSamplesMax && !overlaps[i]; };
  ChunkRun run{0, chunks.size()};
  while (run.begin < run.end && stays(run.begin)) ++run.begin;
  while (run.begin < run.end && stays(run.end - 1)) --run.end;
  size_t samples = 0;
  bool overlap = false;
  for (size_t i = run.begin; i < run.end; ++i) {
    samples += chunks[i].count;
    overlap = overlap || overlaps[i];
  }
  const size_t chunks_needed = (samples + kChunkSamplesMax - 1) / kChunkSamplesMax;
  if (!overlap && chunks_needed >= run.end - run.begin) return {};
  return run;
}

// One piece of the work on one window: some series, one ingest.
class WindowRewriter::Piece {
 public:
  Piece(WindowRewriter& rewriter, Window window, uint64_t tiers, Ingest& ingest)
      : rewriter_(rewriter),
        window_(window),
        tiers_(tiers),
        ingest_(ingest),
        rollups_(rewriter.rocks_, rewriter.metrics_, window, tiers),
        tombstones_(rewriter.tombstones_.now()) {
    begin_reading();
    merge_.ask_starts();
  }

  const Roaring& seen() const { return seen_; }
  bool full() const { return work_ >= rewriter_.limits_.samples_in_piece; }

  // Series from `first_id` on until the piece is full. Returns the first that is still to do, or kAllIds.
  Result<uint64_t> from(uint64_t first_id) {
    if (Status status = ingest_.next_file(Family::kChunks); !status.ok()) return fail(status);
    const std::string prefix = window_prefix(Tier::kRaw, window_);
    uint64_t next_id = first_id;
    at_->Seek(chunk_series_prefix(Tier::kRaw, window_, static_cast<SeriesId>(first_id)));
    for (;;) {
      while (at_->Valid() && at_->key().starts_with(prefix)) {
        const auto key = parse_chunk_key(view(at_->key()));
        if (!key) {
          at_->Next();
          continue;
        }
        if (full()) return key->series;
        if (Status status = one_series(key->series); !status.ok()) return fail(status);
        next_id = uint64_t{key->series} + 1;
      }
      if (at_->status().ok()) return WindowProgress::kAllIds;
      if (!is_damage(at_->status())) return fail(to_status(at_->status(), "reading chunks"));
      if (full()) return next_id;
      auto found = pass_damage(next_id);
      if (!found || *found == WindowProgress::kAllIds) return found;
      next_id = *found;
    }
  }

  // Series of `ids` until the piece is full; what it does, it takes out.
  Status some(Roaring& ids) {
    if (Status status = ingest_.next_file(Family::kChunks); !status.ok()) return status;
    while (!ids.isEmpty() && !full()) {
      const SeriesId id = ids.minimum();
      if (!at_->status().ok()) begin_reading();
      at_->Seek(chunk_series_prefix(Tier::kRaw, window_, id));
      if (Status status = one_series(id); !status.ok()) return status;
      ids.remove(id);
    }
    return {};
  }

  Status rollups(bool first_piece) { return rollups_.write(ingest_, first_piece); }

  Status marks(const WindowProgress& progress, const Roaring& dirty_before, const Roaring& dirty,
               const std::vector<TombstoneKey>& finished) {
    if (Status status = ingest_.next_file(Family::kPostings); !status.ok()) return status;
    const std::string key = dirty_key(window_);
    if (dirty != dirty_before) {
      Status status = dirty.isEmpty() ? ingest_.erase(key) : ingest_.put(key, encode_postings(dirty));
      if (!status.ok()) return status;
    }
    if (Status status = ingest_.put(progress_key(window_), encode_progress(progress)); !status.ok()) return status;
    return deleted(finished);
  }

  // REQUIRES: a file of postings is begun.
  Status deleted(const std::vector<TombstoneKey>& finished) {
    for (const TombstoneKey& key : finished) {
      if (Status status = ingest_.erase(tombstone_key(key)); !status.ok()) return status;
    }
    return unpost(rewriter_.rocks_, ingest_, Tier::kRaw, window_, emptied_);
  }

  // After the commit.
  void done(const std::vector<TombstoneKey>& finished) const {
    rewriter_.tombstones_.remove(finished);
    if (rewriter_.not_posted_) rewriter_.not_posted_(window_, emptied_);
    Metrics& metrics = rewriter_.metrics_;
    metrics.rewrite_series.Increment(static_cast<double>(series_));
    metrics.rewrite_chunks_before.Increment(static_cast<double>(chunks_before_));
    metrics.rewrite_chunks_after.Increment(static_cast<double>(chunks_after_));
  }

 private:
  void begin_reading() {
    rocksdb::ReadOptions options = iterator_options();
    options.fill_cache = false;  // Read once; queries need the cache for what they come back to.
    options.readahead_size = 1 << 20;
    at_.reset(rewriter_.rocks_.db().NewIterator(options, rewriter_.rocks_.family(Family::kChunks)));
  }

  // After a block that does not read: to the first series from `next_id` on whose chunks do, for those in between are
  // known by the postings only. Returns its id, or the next to try when the piece is full; kAllIds: there is none.
  Result<uint64_t> pass_damage(uint64_t next_id) {
    rewriter_.rocks_.report_damage("rewriting " + day_text(window_), at_->status().ToString());
    const Result<Roaring> all = WindowIndex(rewriter_.rocks_, nullptr).all(window_);
    if (!all) return fail(all.error());
    for (const SeriesId id : *all) {
      if (id < next_id) continue;
      if (full()) return id;
      begin_reading();
      at_->Seek(chunk_series_prefix(Tier::kRaw, window_, id));
      if (at_->status().ok()) return id;
      if (!is_damage(at_->status())) return fail(to_status(at_->status(), "reading chunks"));
      work_ += rewriter_.limits_.samples_a_chunk;
      seen_.add(id);
      not_read(id);
    }
    begin_reading();
    return WindowProgress::kAllIds;
  }

  // REQUIRES: at_ is at the series' first chunk, if it has any. Leaves it behind the last.
  Status one_series(SeriesId id) {
    const std::string prefix = chunk_series_prefix(Tier::kRaw, window_, id);
    std::vector<ReadChunk> chunks;
    bool readable = true;
    work_ += rewriter_.limits_.samples_a_chunk;  // Of a seek.
    seen_.add(id);
    for (; at_->Valid() && at_->key().starts_with(prefix); at_->Next()) {
      const auto key = parse_chunk_key(view(at_->key()));
      const Result<ChunkView> chunk = parse_chunk(view(at_->value()));
      if (!key || !chunk) {
        // Left to be found by readers and repaired; a rewrite would make the loss look like nothing had been there.
        readable = false;
        continue;
      }
      chunks.push_back({chunk->first_ms, chunk->last_ms, chunk->count, chunk->codec, key->version,
                        std::string(chunk->payload), std::string(chunk->starts)});
      work_ += rewriter_.limits_.samples_a_chunk;
    }
    if (is_damage(at_->status())) {
      readable = false;
    } else if (!at_->status().ok()) {
      return to_status(at_->status(), "reading chunks");
    }
    if (!readable) not_read(id);
    // Keys sort by start and version already, so the chunks are sorted by their first sample.
    std::map<std::string, std::string> changes;  // By key; an empty value deletes.
    for (const ReadChunk& chunk : chunks) changes.emplace(key_of(id, chunk), "");
    const bool subtracted = tombstones_->subtract(window_, id, chunks);
    if (tiers_ != 0) {
      merge_.reset(chunks, INT64_MIN, INT64_MAX);
      const auto folded = rollups_.fold(id, merge_);
      if (folded) {
        work_ += *folded;
      } else if (folded.error().code() != Code::kCorruption) {
        return folded.error();
      } else {
        readable = false;
        not_read(id);
      }
    }
    if (!readable) return {};
    if (subtracted) return replace(id, std::move(chunks), std::move(changes));
    const ChunkRun run = run_to_rewrite(chunks);
    if (run.begin == run.end) return {};
    for (size_t i = 0; i < chunks.size(); ++i) {
      if (i < run.begin || i >= run.end) changes.erase(key_of(id, chunks[i]));
    }
    chunks.erase(chunks.begin() + static_cast<ptrdiff_t>(run.end), chunks.end());
    chunks.erase(chunks.begin(), chunks.begin() + static_cast<ptrdiff_t>(run.begin));
    return replace(id, std::move(chunks), std::move(changes));
  }

  // `changes`: the keys that go.
  Status replace(SeriesId id, std::vector<ReadChunk> chunks, std::map<std::string, std::string> changes) {
    Position version = 0;
    for (const ReadChunk& chunk : chunks) version = std::max(version, chunk.version);
    const size_t before = changes.size();
    size_t after = 0;
    merge_.reset(std::move(chunks), INT64_MIN, INT64_MAX);
    while (const size_t count = merge_.next(t_ms_, v_)) {
      const std::span<const int64_t> t_ms(t_ms_.data(), count);
      const std::string key = chunk_key({Tier::kRaw, window_, id, t_ms.front(), version});
      changes[key] = make_chunk(t_ms, std::span<const double>(v_.data(), count), merge_.starts());
      work_ += count;
      ++after;
    }
    if (merge_.status().ok()) after += put_histograms(id, version, changes);
    if (!merge_.status().ok()) {
      not_read(id);
      return {};
    }
    for (const auto& [key, value] : changes) {
      Status status = value.empty() ? ingest_.erase(key) : ingest_.put(key, value);
      if (!status.ok()) return status;
    }
    if (after == 0) emptied_.add(id);
    ++series_;
    chunks_before_ += before;
    chunks_after_ += after;
    return {};
  }

  // The chunks of the series' histograms that merge_ holds, into `changes`. Returns how many.
  size_t put_histograms(SeriesId id, Position version, std::map<std::string, std::string>& changes) {
    constexpr size_t kBlockOfHistograms = 64;
    std::array<int64_t, kBlockOfHistograms> t_ms;
    std::array<HistogramRef, kBlockOfHistograms> histograms;
    std::vector<HistogramSample> samples;
    std::vector<int64_t> start_ms;
    size_t made = 0;
    const auto put = [&](size_t least) {
      if (samples.empty() || samples.size() < least) return;
      const std::string key = chunk_key({Tier::kRaw, window_, id, samples.front().t_ms, version});
      changes[key] = make_histogram_chunk(samples, start_ms);
      samples.clear();
      start_ms.clear();
      ++made;
    };
    while (const size_t count = merge_.next_histograms_as_they_came(t_ms, histograms)) {
      const std::span<const int64_t> starts = merge_.histogram_starts();
      for (size_t i = 0; i < count; ++i) {
        samples.push_back({t_ms[i], std::move(histograms[i])});
        start_ms.push_back(starts.empty() ? kNoStart : starts[i]);
        put(kChunkSamplesMax);
      }
      work_ += count * rewriter_.limits_.samples_a_chunk / 8;  // Each is some dozens of columns.
    }
    put(1);
    return made;
  }

  void not_read(SeriesId id) {
    rewriter_.metrics_.corruptions.Increment();
    rewriter_.unreadable_[window_].add(id);
  }

  std::string key_of(SeriesId id, const ReadChunk& chunk) const {
    return chunk_key({Tier::kRaw, window_, id, chunk.first_ms, chunk.version});
  }

  WindowRewriter& rewriter_;
  const Window window_;
  const uint64_t tiers_;
  Ingest& ingest_;
  RollupWriter rollups_;
  const std::shared_ptr<const TombstoneSet> tombstones_;
  std::unique_ptr<rocksdb::Iterator> at_;
  ChunkMerge merge_;
  std::array<int64_t, kChunkSamplesMax> t_ms_;
  std::array<double, kChunkSamplesMax> v_;
  Roaring seen_;
  Roaring emptied_;  // Series that have no chunk left.
  size_t work_ = 0;
  size_t series_ = 0;
  size_t chunks_before_ = 0;
  size_t chunks_after_ = 0;
};

void WindowRewriter::compact_soon(Window window) {
  const std::string begin = window_prefix(Tier::kRaw, window);
  const std::string end = window_prefix(Tier::kRaw, window + 1);
  const rocksdb::Slice begin_slice(begin);
  const rocksdb::Slice end_slice(end);
  // A hint, which the process's end forgets: without it what was replaced lies about until later files come to compact
  // it with.
  rocksdb::experimental::SuggestCompactRange(&rocks_.db(), rocks_.family(Family::kChunks), &begin_slice, &end_slice)
      .PermitUncheckedError();
}

bool WindowRewriter::step(const Bounds& bounds) {
  WindowIndex index(rocks_, nullptr);
  const Window closed_before =
      std::min(window_of(std::clamp(bounds.now_ms - limits_.grace_ms, kOldestTimestampMs, kNewestTimestampMs)),
               window_of(std::clamp(bounds.newest_ms, kOldestTimestampMs, kNewestTimestampMs)));
  const auto windows = index.windows(std::max(bounds.oldest, next_window_), closed_before - 1);
  if (!windows) {
    metrics_.rewrite_failures.Increment();
    return false;
  }
  if (next_window_ == INT32_MIN) count_due(*windows, bounds.tiers);
  for (const Window window : *windows) {
    const int64_t start_ns = clock_.monotonic_ns();
    const Result<bool> worked = step_in(window, bounds.tiers);
    if (!worked) {
      metrics_.rewrite_failures.Increment();
      if (worked.error().code() == Code::kCorruption && ++damaged_[window] >= kDamagedRoundsMax) {
        const Status counted = count_as_done(window, bounds.tiers);
        logger_.error("a day cannot be finished for damage, and its rollups may lack series",
                      {{"day", day_text(window)},
                       {"err", worked.error()},
                       {"next", "stop tidemark and run \"tidemark tsdb repair\" before retention drops the day"}});
        if (counted.ok()) damaged_.erase(window);
      } else {
        logger_.warn("rewriting a day failed, and is tried again later",
                     {{"day", day_text(window)}, {"err", worked.error()}});
      }
    } else if (*worked) {
      metrics_.rewrite_seconds.Observe(static_cast<double>(clock_.monotonic_ns() - start_ns) / 1e9);
      next_window_ = window;
      return true;
    } else if (first_round_) {
      compact_soon(window);
    }
    next_window_ = window + 1;
  }
  next_window_ = INT32_MIN;
  first_round_ = false;
  metrics_.rewrite_rounds.Increment();
  return false;
}

Status WindowRewriter::count_as_done(Window window, uint64_t tiers) {
  auto ingest = Ingest::begin(rocks_, ingest_dir_);
  if (!ingest) return ingest.error();
  if (Status status = (*ingest)->next_file(Family::kPostings); !status.ok()) return status;
  if (Status status = (*ingest)->erase(dirty_key(window)); !status.ok()) return status;
  const std::string progress = encode_progress({WindowProgress::kAllIds, tiers});
  if (Status status = (*ingest)->put(progress_key(window), progress); !status.ok()) return status;
  return (*ingest)->commit();
}

Status WindowRewriter::clean(Window window, Roaring& left, const std::vector<TombstoneKey>& tombstones) {
  auto ingest = Ingest::begin(rocks_, ingest_dir_);
  if (!ingest) return ingest.error();
  // Rollups are made anew by the mark that the delete left.
  Piece piece(*this, window, 0, **ingest);
  const Roaring before = left;
  if (Status status = piece.some(left); !status.ok()) return status;
  visited_[window] |= before - left;
  std::vector<TombstoneKey> gone;
  if (left.isEmpty()) {
    const auto finished = this->finished(window, WindowProgress::kAllIds, {}, nullptr);
    for (const TombstoneKey& key : tombstones) {
      const auto same = [&](const TombstoneKey& one) { return one.position == key.position; };
      if (std::any_of(finished.begin(), finished.end(), same)) gone.push_back(key);
    }
  }
  if (Status status = (*ingest)->next_file(Family::kPostings); !status.ok()) return status;
  if (Status status = piece.deleted(gone); !status.ok()) return status;
  if (Status status = (*ingest)->commit(); !status.ok()) return status;
  piece.done(gone);
  return {};
}

std::vector<TombstoneKey> WindowRewriter::finished(Window window, uint64_t next_id, const Roaring& dirty,
                                                   Roaring* again) const {
  Roaring left = dirty;
  left.addRange(next_id, WindowProgress::kAllIds);
  if (const auto unreadable = unreadable_.find(window); unreadable != unreadable_.end()) left |= unreadable->second;
  std::vector<TombstoneKey> out;
  for (const auto& one : tombstones_.now()->of(window)) {
    if (one->ids.intersect(left)) continue;
    const auto visited = visited_.find(window);
    const Roaring unknown = visited == visited_.end() ? one->ids : one->ids - visited->second;
    if (unknown.isEmpty()) {
      out.push_back(one->key);
    } else if (again != nullptr) {
      *again |= unknown;
    }
  }
  return out;
}

void WindowRewriter::count_due(const std::vector<Window>& windows, uint64_t tiers) {
  size_t due = 0;
  for (const Window window : windows) {
    const auto done = is_done(rocks_, window, tiers);
    if (!done || !*done) ++due;
  }
  metrics_.rewrite_days_due.Set(static_cast<double>(due));
}

Result<bool> WindowRewriter::is_done(Rocks& rocks, Window window, uint64_t tiers) {
  // What does not read is gone through again.
  const auto progress = read_progress(rocks, window);
  if (!progress && progress.error().code() == Code::kCorruption) return false;
  if (!progress) return fail(progress.error());
  if (!*progress || !(*progress)->done() || ((*progress)->products & tiers) != tiers) return false;
  const auto dirty = read_dirty(rocks, window);
  if (!dirty && dirty.error().code() == Code::kCorruption) return false;
  if (!dirty) return fail(dirty.error());
  return dirty->isEmpty();
}

Result<bool> WindowRewriter::step_in(Window window, uint64_t tiers) {
  const auto read = read_progress(rocks_, window);
  if (!read && read.error().code() != Code::kCorruption) return fail(read.error());
  WindowProgress progress;  // One that does not read: from the beginning.
  if (read && *read) progress = **read;
  auto dirty_before = read_dirty(rocks_, window);
  if (!dirty_before) {
    if (dirty_before.error().code() != Code::kCorruption) return fail(dirty_before.error());
    rocks_.report_damage("rewriting " + day_text(window), dirty_before.error().message());
    // Which they are is lost: all are gone through again, and the record is written anew.
    progress.next_id = 0;
    dirty_before = Roaring::bitmapOf(1, kNoSeries);
  }
  // One that was begun for fewer tiers begins again; one that was begun for more is finished as it was begun.
  if ((progress.products & tiers) != tiers) progress = {0, progress.products | tiers};
  if (progress.done() && dirty_before->isEmpty()) return false;

  auto ingest = Ingest::begin(rocks_, ingest_dir_);
  if (!ingest) return fail(ingest.error());
  Piece piece(*this, window, progress.products, **ingest);
  const bool first_piece = progress.next_id == 0;
  const bool any_deleted = !tombstones_.now()->of(window).empty();
  Roaring dirty = *dirty_before;
  if (!progress.done()) {
    const uint64_t first_id = progress.next_id;
    const auto next_id = piece.from(first_id);
    if (!next_id) return fail(next_id.error());
    progress.next_id = *next_id;
    if (any_deleted) visited_[window].addRange(first_id, progress.next_id);
    // Not those without a chunk by now: they may have rollups, so they are gone through when the others are done.
    dirty -= piece.seen();
    dirty.remove(kNoSeries);
  } else {
    if (Status status = piece.some(dirty); !status.ok()) return fail(status);
    if (any_deleted) visited_[window] |= *dirty_before - dirty;
  }
  if (Status status = piece.rollups(first_piece); !status.ok()) return fail(status);
  Roaring again;
  const std::vector<TombstoneKey> finished = this->finished(window, progress.next_id, dirty, &again);
  dirty |= again;
  if (Status status = piece.marks(progress, *dirty_before, dirty, finished); !status.ok()) return fail(status);
  if (Status status = (*ingest)->commit(); !status.ok()) return fail(status);
  piece.done(finished);
  if (progress.done() && dirty.isEmpty()) {
    metrics_.rewrite_windows.Increment();
    metrics_.rewrite_days_due.Set(std::max(0.0, metrics_.rewrite_days_due.Value() - 1));
    compact_soon(window);
  }
  return true;
}

}  // namespace tidemark::storage
