#include "aggregator/storage/tombstones.h"

#include <algorithm>

#include "aggregator/storage/histogram_chunk.h"
#include "aggregator/storage/postings.h"
#include "aggregator/storage/window_index.h"
#include "model/varint.h"

namespace tidemark::storage {
namespace {

struct Cut {
  int64_t min_ms;
  int64_t max_ms;
  Position position;
};

bool is_cut(const std::vector<Cut>& cuts, const ReadChunk& chunk, int64_t t_ms) {
  return std::any_of(cuts.begin(), cuts.end(), [&](const Cut& one) {
    return chunk.version < one.position && t_ms >= one.min_ms && t_ms <= one.max_ms;
  });
}

// The start timestamps may stay: samples find theirs by their times.
std::vector<ReadChunk> made_of(const ReadChunk& chunk, const std::string& bytes) {
  const Result<ChunkView> made = parse_chunk(bytes);
  return {{made->first_ms, made->last_ms, made->count, made->codec, chunk.version, std::string(made->payload),
           chunk.starts}};
}

std::optional<std::vector<ReadChunk>> histograms_without(const ReadChunk& chunk, const std::vector<Cut>& cuts) {
  std::vector<HistogramSample> samples = decode_histograms(chunk.view());
  if (samples.empty()) return std::nullopt;
  std::erase_if(samples, [&](const HistogramSample& sample) { return is_cut(cuts, chunk, sample.t_ms); });
  if (samples.empty()) return std::vector<ReadChunk>();
  return made_of(chunk, make_histogram_chunk(samples));
}

// The chunk without its samples in the cuts: one chunk, or none. Nothing when it does not decode.
std::optional<std::vector<ReadChunk>> without(const ReadChunk& chunk, const std::vector<Cut>& cuts) {
  if (chunk.codec == Codec::kHistograms) return histograms_without(chunk, cuts);
  std::vector<int64_t> t_ms(chunk.count);
  std::vector<double> v(chunk.count);
  ChunkDecoder decoder(chunk.view());
  size_t count = 0;
  while (const size_t some = decoder.next(std::span(t_ms).subspan(count), std::span(v).subspan(count))) count += some;
  if (!decoder.ok() || count != chunk.count) return std::nullopt;
  size_t kept = 0;
  for (size_t i = 0; i < count; ++i) {
    if (is_cut(cuts, chunk, t_ms[i])) continue;
    t_ms[kept] = t_ms[i];
    v[kept++] = v[i];
  }
  if (kept == 0) return std::vector<ReadChunk>();
  return made_of(chunk, make_chunk(std::span(t_ms).first(kept), std::span(v).first(kept)));
}

}  // namespace

std::string encode_tombstone(const Tombstone& tombstone) {
  std::string out;
  append_signed_varint(out, tombstone.min_ms);
  append_varint(out, static_cast<uint64_t>(tombstone.max_ms - tombstone.min_ms));
  out += encode_postings(tombstone.ids);
  append_checksum(out);
  return out;
}

Result<Tombstone> parse_tombstone(std::string_view key, std::string_view value) {
  const auto parsed = parse_tombstone_key(key);
  Tombstone tombstone;
  uint64_t length_ms = 0;
  if (!parsed || !take_checksum(value) || !take_signed_varint(value, tombstone.min_ms) ||
      !take_varint(value, length_ms) || length_ms >= static_cast<uint64_t>(window_days(parsed->tier) * kWindowMs) ||
      tombstone.min_ms < window_start_ms(parsed->tier, parsed->window) ||
      tombstone.min_ms + static_cast<int64_t>(length_ms) >= window_start_ms(parsed->tier, parsed->window + 1)) {
    return fail(Status::corruption("a tombstone does not read"));
  }
  tombstone.key = *parsed;
  tombstone.max_ms = tombstone.min_ms + static_cast<int64_t>(length_ms);
  Result<Roaring> ids = parse_postings(value);
  if (!ids) return fail(ids.error());
  tombstone.ids = std::move(*ids);
  return tombstone;
}

std::vector<TombstoneKey> TombstoneSet::keys() const {
  std::vector<TombstoneKey> out;
  for (const auto& [window, all] : by_window_) {
    for (const auto& one : all) out.push_back(one->key);
  }
  return out;
}

const TombstoneSet::Of& TombstoneSet::of(Window window, Tier tier) const {
  static const Of kNone;
  const auto found = by_window_.find({tier, window});
  return found == by_window_.end() ? kNone : found->second;
}

Roaring TombstoneSet::touched(Window window, int64_t min_ms, int64_t max_ms, Tier tier) const {
  Roaring ids;
  for (const auto& one : of(window, tier)) {
    if (one->overlaps(min_ms, max_ms)) ids |= one->ids;
  }
  return ids;
}

bool TombstoneSet::covers(SeriesId series, int64_t t_ms, Position version) const {
  const Of& all = of(window_of(t_ms));
  return std::any_of(all.begin(), all.end(), [&](const auto& one) {
    return version < one->key.position && one->overlaps(t_ms, t_ms) && one->ids.contains(series);
  });
}

bool TombstoneSet::subtract(Window window, SeriesId series, std::vector<ReadChunk>& chunks) const {
  std::vector<Cut> cuts;
  for (const auto& one : of(window)) {
    if (one->ids.contains(series)) cuts.push_back({one->min_ms, one->max_ms, one->key.position});
  }
  if (cuts.empty()) return false;
  bool found = false;
  std::vector<ReadChunk> out;
  for (ReadChunk& chunk : chunks) {
    bool whole = false;
    bool part = false;
    for (const Cut& cut : cuts) {
      if (chunk.version >= cut.position || cut.min_ms > chunk.last_ms || cut.max_ms < chunk.first_ms) continue;
      part = true;
      whole = whole || (cut.min_ms <= chunk.first_ms && cut.max_ms >= chunk.last_ms);
    }
    if (whole) {
      found = true;
      continue;
    }
    std::optional<std::vector<ReadChunk>> rest;
    if (part) rest = without(chunk, cuts);
    if (!rest || (!rest->empty() && rest->front().count == chunk.count)) {
      out.push_back(std::move(chunk));
      continue;
    }
    found = true;
    std::move(rest->begin(), rest->end(), std::back_inserter(out));
  }
  chunks = std::move(out);
  return found;
}

void TombstoneSet::subtract(Tier tier, Window window, SeriesId series, std::vector<Bucket>& buckets) const {
  for (const auto& one : of(window, tier)) {
    if (!one->ids.contains(series)) continue;
    std::erase_if(buckets, [&](const Bucket& bucket) { return bucket.overlaps(one->min_ms, one->max_ms); });
  }
}

std::shared_ptr<const Tombstone> TombstoneSet::first_over_rollups() const {
  const auto found = by_window_.lower_bound({kRollupTiers[0], INT32_MIN});
  return found == by_window_.end() ? nullptr : found->second.front();
}

Tombstones::Tombstones(Metrics& metrics) : metrics_(metrics), now_(std::make_shared<const TombstoneSet>()) {}

std::shared_ptr<const TombstoneSet> Tombstones::now() const {
  const MutexLock lock(mu_);
  return now_;
}

void Tombstones::set(TombstoneSet next) {
  std::erase_if(next.by_window_, [](const auto& one) { return one.second.empty(); });
  next.count_ = 0;
  for (const auto& [window, all] : next.by_window_) next.count_ += all.size();
  metrics_.tombstones.Set(static_cast<double>(next.count_));
  auto shared = std::make_shared<const TombstoneSet>(std::move(next));
  const MutexLock lock(mu_);
  now_.swap(shared);
}

Status Tombstones::load(Rocks& rocks, Logger& logger) {
  std::vector<Tombstone> found;
  for (const Tier tier : {Tier::kRaw, Tier::k5m, Tier::k1h}) {
    if (Status status = load(rocks, logger, tier, found); !status.ok()) return status;
  }
  add(std::move(found));
  return {};
}

Status Tombstones::load(Rocks& rocks, Logger& logger, Tier tier, std::vector<Tombstone>& found) {
  const auto windows = WindowIndex(rocks, nullptr, tier)
                           .windows(window_of_day(tier, window_of(kOldestTimestampMs)),
                                    window_of_day(tier, window_of(kNewestTimestampMs)));
  if (!windows) return windows.error();
  rocksdb::ReadOptions options = iterator_options();
  options.fill_cache = false;
  const auto skip = [&](Window window, const Status& why) {
    metrics_.corruptions.Increment();
    logger.error("a tombstone does not read: what it deleted shows again until it is deleted anew",
                 {{"day", day_text(first_day(tier, window))}, {"err", why}});
  };
  std::unique_ptr<rocksdb::Iterator> at;
  for (const Window window : *windows) {
    if (!at) at.reset(rocks.db().NewIterator(options, rocks.family(Family::kPostings)));
    const std::string prefix = tombstone_prefix(tier, window);
    for (at->Seek(prefix); at->Valid() && at->key().starts_with(prefix); at->Next()) {
      auto tombstone = parse_tombstone(view(at->key()), view(at->value()));
      if (tombstone) {
        found.push_back(std::move(*tombstone));
      } else {
        skip(window, tombstone.error());
      }
    }
    if (at->status().ok()) continue;
    if (!is_damage(at->status())) return to_status(at->status(), "reading tombstones");
    skip(window, to_status(at->status(), "reading tombstones"));
    at.reset();
  }
  return {};
}

Position Tombstones::last_position() const {
  Position last = 0;
  for (const auto& [window, all] : now()->by_window_) last = std::max(last, all.back()->key.position);
  return last;
}

void Tombstones::add(std::vector<Tombstone> tombstones) {
  TombstoneSet next = *now();
  for (Tombstone& one : tombstones) {
    auto& all = next.by_window_[{one.key.tier, one.key.window}];
    all.push_back(std::make_shared<const Tombstone>(std::move(one)));
  }
  set(std::move(next));
}

void Tombstones::remove(const std::vector<TombstoneKey>& keys) {
  if (keys.empty()) return;
  TombstoneSet next = *now();
  for (const TombstoneKey& key : keys) {
    std::erase_if(next.by_window_[{key.tier, key.window}],
                  [&](const auto& one) { return one->key.position == key.position; });
  }
  set(std::move(next));
}

void Tombstones::drop_before(Tier tier, Window first_kept) {
  TombstoneSet next = *now();
  next.by_window_.erase(next.by_window_.lower_bound({tier, INT32_MIN}),
                        next.by_window_.lower_bound({tier, first_kept}));
  if (next.by_window_.size() != now()->by_window_.size()) set(std::move(next));
}

}  // namespace tidemark::storage
