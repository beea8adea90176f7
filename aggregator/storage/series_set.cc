#include "aggregator/storage/series_set.h"

#include <algorithm>

#include "aggregator/storage/keys.h"

namespace tidemark::storage {
namespace {

constexpr size_t kLabelsPerRead = 1024;
// Enough to say what is wrong; more would only repeat it.
constexpr size_t kWarningsMax = 10;

}  // namespace

Result<std::unique_ptr<SeriesSet>> StoreSeriesSet::make(const ReadParts& parts, Position view,
                                                        const std::vector<Matcher>& matchers, Range range,
                                                        bool sorted) {
  std::unique_ptr<StoreSeriesSet> set(new StoreSeriesSet(parts, range));
  if (Status status = set->copy_head(matchers, view); !status.ok()) return fail(status);
  set->snapshot_ = parts.rocks.db().GetSnapshot();
  Roaring ids;
  for (const auto& [id, copy] : set->head_) ids.add(id);
  if (Status status = set->match_files(matchers, ids); !status.ok()) return fail(status);
  set->load_labels(ids);
  if (sorted) {
    std::sort(set->series_.begin(), set->series_.end(),
              [](const Series& a, const Series& b) { return LabelsView(a.labels) < LabelsView(b.labels); });
  }
  return std::unique_ptr<SeriesSet>(std::move(set));
}

StoreSeriesSet::~StoreSeriesSet() {
  chunks_.reset();
  if (snapshot_ != nullptr) parts_.rocks.db().ReleaseSnapshot(snapshot_);
}

Status StoreSeriesSet::copy_head(const std::vector<Matcher>& matchers, Position view) {
  std::vector<std::pair<SeriesId, uint32_t>> found;
  {
    SeriesIndex& index = parts_.head.index();
    const MutexLock lock(index.mutex());
    const Result<Roaring> ids = index.match(matchers);
    if (!ids) return ids.error();
    found.reserve(ids->cardinality());
    head_labels_.reserve(ids->cardinality());
    for (const SeriesId id : *ids) {
      const auto one = index.find(id);
      if (!one) continue;
      found.emplace_back(id, one->slot);
      head_labels_.emplace(id, index.encoded_labels(id));
    }
  }
  head_.reserve(found.size());
  for (const auto& [id, slot] : found) {
    // One that left memory meanwhile is in files by now.
    auto copy = parts_.head.shard_of(id).copy(id, slot, range_.min_ms, range_.max_ms, view);
    if (copy) head_.emplace(id, std::move(*copy));
  }
  return {};
}

Status StoreSeriesSet::match_files(const std::vector<Matcher>& matchers, Roaring& ids) {
  WindowIndex index(parts_.rocks, snapshot_);
  const auto windows = index.windows(window_of(range_.min_ms), window_of(range_.max_ms));
  if (!windows) return windows.error();
  for (const Window window : *windows) {
    Result<Roaring> matching = index.match(window, matchers);
    if (!matching) return matching.error();
    if (matching->isEmpty()) continue;
    ids |= *matching;
    windows_.emplace_back(window, std::move(*matching));
  }
  return {};
}

void StoreSeriesSet::load_labels(const Roaring& ids) {
  series_.reserve(ids.cardinality());
  std::vector<SeriesId> missing;
  for (const SeriesId id : ids) {
    const auto known = head_labels_.find(id);
    if (known == head_labels_.end()) {
      missing.push_back(id);
    } else {
      series_.push_back({id, std::move(known->second)});
    }
  }
  head_labels_.clear();
  for (size_t at = 0; at < missing.size(); at += kLabelsPerRead) {
    const size_t end = std::min(missing.size(), at + kLabelsPerRead);
    const std::vector<SeriesId> some(missing.begin() + static_cast<ptrdiff_t>(at),
                                     missing.begin() + static_cast<ptrdiff_t>(end));
    std::vector<std::string> labels = parts_.records.labels(some, snapshot_);
    for (size_t i = 0; i < some.size(); ++i) {
      if (labels[i].empty()) {
        warn("series " + std::to_string(some[i]) + " has no readable record and is left out");
      } else {
        series_.push_back({some[i], std::move(labels[i])});
      }
    }
  }
  // Any order will do that stays the same; ids were split by where their labels lie.
  std::sort(series_.begin(), series_.end(), [](const Series& a, const Series& b) { return a.id < b.id; });
}

bool StoreSeriesSet::next() {
  if (!status_.ok()) return false;
  for (;;) {
    if (begun_) {
      series_[at_].labels = {};
      ++at_;
    }
    begun_ = true;
    if (at_ >= series_.size()) return false;
    const SeriesId id = series_[at_].id;
    std::vector<ReadChunk> chunks = read_chunks(id);
    if (!status_.ok()) return false;
    int64_t max_ms = range_.max_ms;
    const auto copy = head_.find(id);
    if (copy != head_.end()) {
      max_ms = std::min(max_ms, copy->second.visible_until_ms);
      for (OwnedChunk& chunk : copy->second.chunks) {
        chunks.push_back(
            {chunk.first_ms, chunk.last_ms, chunk.count, Codec::kXor, UINT64_MAX, std::move(chunk.payload)});
      }
      head_.erase(copy);
    }
    std::erase_if(chunks,
                  [&](const ReadChunk& chunk) { return chunk.first_ms > max_ms || chunk.last_ms < range_.min_ms; });
    if (chunks.empty()) continue;
    reader_.reset(std::move(chunks), range_.min_ms, max_ms);
    return true;
  }
}

SampleReader& StoreSeriesSet::samples() {
  reader_.rewind();
  return reader_;
}

std::vector<ReadChunk> StoreSeriesSet::read_chunks(SeriesId id) {
  std::vector<ReadChunk> out;
  for (const auto& [window, ids] : windows_) {
    if (!ids.contains(id)) continue;
    if (!chunks_) {
      rocksdb::ReadOptions options;
      options.snapshot = snapshot_;
      chunks_.reset(parts_.rocks.db().NewIterator(options, parts_.rocks.family(Family::kChunks)));
    }
    const std::string prefix = chunk_series_prefix(Tier::kRaw, window, id);
    for (chunks_->Seek(prefix); chunks_->Valid() && chunks_->key().starts_with(prefix); chunks_->Next()) {
      const auto key = parse_chunk_key(view(chunks_->key()));
      if (!key) {
        warn("a chunk key does not read and is left out");
        continue;
      }
      if (key->start_ms > range_.max_ms) break;
      const Result<ChunkView> chunk = parse_chunk(view(chunks_->value()));
      if (!chunk) {
        warn("a chunk of " + LabelsView(series_[at_].labels).to_string() + " is left out: " + chunk.error().message());
        continue;
      }
      out.push_back(
          {chunk->first_ms, chunk->last_ms, chunk->count, chunk->codec, key->version, std::string(chunk->payload)});
    }
    if (!chunks_->status().ok()) {
      // A block of a file does not read. The rest of the answer stands.
      warn("chunks of " + LabelsView(series_[at_].labels).to_string() +
           " are left out: " + chunks_->status().ToString());
      if (!chunks_->status().IsCorruption()) status_ = to_status(chunks_->status(), "reading chunks");
      chunks_.reset();
      if (!status_.ok()) return {};
    }
  }
  return out;
}

void StoreSeriesSet::warn(const std::string& what) {
  parts_.metrics.corruptions.Increment();
  if (warnings_.size() < kWarningsMax) warnings_.push_back(what);
}

}  // namespace tidemark::storage
