#include "aggregator/storage/series_set.h"

#include <algorithm>

#include "aggregator/storage/keys.h"

namespace tidemark::storage {
namespace {

constexpr size_t kGroupMax = 256;
constexpr size_t kStripeSeries = 64;
constexpr size_t kSpareMax = 1024;
// Enough to say what is wrong; more would only repeat it.
constexpr size_t kWarningsMax = 10;

// Late samples as a source like any other, above all chunks.
void append_late(const std::vector<LateSample>& late, std::vector<ReadChunk>& chunks) {
  size_t end = 0;
  for (size_t at = 0; at < late.size(); at = end) {
    const size_t most = std::min(late.size(), at + kChunkSamplesMax);
    const int64_t until_ms = window_start_ms(window_of(late[at].t_ms) + 1);
    for (end = at + 1; end < most && late[end].t_ms < until_ms;) ++end;
    std::vector<int64_t> t_ms;
    std::vector<double> v;
    std::vector<int64_t> start_ms;
    for (size_t i = at; i < end; ++i) {
      t_ms.push_back(late[i].t_ms);
      v.push_back(late[i].v);
      start_ms.push_back(late[i].start_ms);
    }
    const std::string bytes = make_chunk(t_ms, v, start_ms);
    const Result<ChunkView> chunk = parse_chunk(bytes);
    chunks.push_back({chunk->first_ms, chunk->last_ms, chunk->count, chunk->codec, kLateVersion,
                      std::string(chunk->payload), std::string(chunk->starts)});
  }
}

}  // namespace

Result<std::unique_ptr<SeriesSet>> StoreSeriesSet::make(const ReadParts& parts, Position view,
                                                        const std::vector<Matcher>& matchers, Range range,
                                                        const Needs& needs) {
  std::unique_ptr<StoreSeriesSet> set(new StoreSeriesSet(parts, view, range, needs));
  {
    SeriesIndex& index = parts.head.index();
    const MutexLock lock(index.mutex());
    Result<Roaring> ids = index.match(matchers);
    if (!ids) return fail(ids.error());
    set->head_ids_ = std::move(*ids);
  }
  set->take_snapshot();
  Roaring ids = set->head_ids_;
  const Find find = [&](WindowIndex& index, Window window) { return index.match(window, matchers); };
  if (Status status = set->find_in_files(find, ids); !status.ok()) return fail(status);
  set->set_ids(ids, needs.sorted);
  return std::unique_ptr<SeriesSet>(std::move(set));
}

Result<std::unique_ptr<SeriesSet>> StoreSeriesSet::make(const ReadParts& parts, Position view, const Roaring& wanted,
                                                        Range range) {
  std::unique_ptr<StoreSeriesSet> set(new StoreSeriesSet(parts, view, range, {.with_samples = true}));
  {
    const MutexLock lock(parts.head.index().mutex());
    set->head_ids_ = wanted & parts.head.index().ids();
  }
  set->take_snapshot();
  Roaring ids = set->head_ids_;
  const Find find = [&](WindowIndex& index, Window window) -> Result<Roaring> {
    Result<Roaring> all = index.all(window);
    if (all) *all &= wanted;
    return all;
  };
  if (Status status = set->find_in_files(find, ids); !status.ok()) return fail(status);
  set->set_ids(ids, false);
  return std::unique_ptr<SeriesSet>(std::move(set));
}

StoreSeriesSet::~StoreSeriesSet() {
  // Once: the metric is shared by all queries.
  parts_.metrics.chunk_seeks.Increment(static_cast<double>(chunks_.looked_for()));
  chunks_.reset(nullptr);
  if (snapshot_ != nullptr) parts_.rocks.db().ReleaseSnapshot(snapshot_);
}

void StoreSeriesSet::set_ids(const Roaring& ids, bool sorted) {
  std::vector<SeriesId> all(ids.cardinality());
  ids.toUint32Array(all.data());
  if (sorted) sort_by_labels(all);
  ids_end_ = all.size();
  ids_ = std::make_shared<const std::vector<SeriesId>>(std::move(all));
}

size_t StoreSeriesSet::stripes() const { return (ids_->size() + kStripeSeries - 1) / kStripeSeries; }

std::unique_ptr<StripedSet> StoreSeriesSet::stripe_reader() const {
  std::unique_ptr<StoreSeriesSet> reader(new StoreSeriesSet(parts_, view_, range_, needs_));
  reader->head_ids_ = head_ids_;
  reader->windows_ = windows_;
  reader->ids_ = ids_;
  reader->take_snapshot();
  // What a checkpoint has moved since the windows were looked at is still to be found.
  reader->checkpoints_ = checkpoints_;
  return reader;
}

void StoreSeriesSet::begin_stripe(size_t stripe) {
  ids_taken_ = std::min(ids_->size(), stripe * kStripeSeries);
  ids_end_ = std::min(ids_->size(), ids_taken_ + kStripeSeries);
  group_.clear();
  at_ = 0;
  begun_ = false;
}

void StoreSeriesSet::take_snapshot() {
  chunks_.reset(nullptr);
  if (snapshot_ != nullptr) parts_.rocks.db().ReleaseSnapshot(snapshot_);
  checkpoints_ = parts_.head.checkpoints.load();
  tombstones_ = parts_.tombstones.now();
  lifetimes_version_ = parts_.rocks.lifetime_summaries().version();
  snapshot_ = parts_.rocks.db().GetSnapshot();
  if (parts_.rocks.lifetime_summaries().version() != lifetimes_version_) lifetimes_version_ = 0;
  chunks_.reset(snapshot_);
}

Status StoreSeriesSet::find_in_files(const Find& find, Roaring& ids) {
  WindowIndex index(parts_.rocks, snapshot_);
  const auto windows = index.windows(window_of(range_.min_ms), window_of(range_.max_ms));
  if (!windows) return windows.error();
  std::vector<Window> unread;
  for (const Window window : *windows) {
    Result<Roaring> matching = find(index, window);
    if (!matching && matching.error().code() == Code::kCorruption) {
      warn_of_damage("series that are in the index of " + day_text(window) + " only are left out",
                     matching.error().message());
      unread.push_back(window);
      continue;
    }
    if (!matching) return matching.error();
    Status alive =
        index.remove_not_alive(window, std::max(range_.min_ms, window_start_ms(window)),
                               std::min(range_.max_ms, window_start_ms(window + 1) - 1), lifetimes_version_, *matching);
    if (alive.code() == Code::kCorruption) {  // Only more to read.
      parts_.rocks.report_damage("selecting", alive.message());
    } else if (!alive.ok()) {
      return alive;
    }
    ids |= *matching;
    const auto at =
        std::find_if(windows_.begin(), windows_.end(), [&](const auto& one) { return one.first >= window; });
    if (at != windows_.end() && at->first == window) {
      at->second |= *matching;
    } else {
      windows_.emplace(at, window, std::move(*matching));
    }
  }
  // What matches elsewhere may have chunks there.
  for (const Window window : unread) {
    const auto behind =
        std::find_if(windows_.begin(), windows_.end(), [&](const auto& one) { return one.first > window; });
    windows_.emplace(behind, window, ids);
  }
  return {};
}

void StoreSeriesSet::sort_by_labels(std::vector<SeriesId>& ids) {
  std::vector<Series> all;
  all.reserve(ids.size());
  for (size_t at = 0; at < ids.size(); at += kGroupMax) {
    std::vector<Series> group;
    for (size_t i = at; i < std::min(ids.size(), at + kGroupMax); ++i) group.emplace_back().id = ids[i];
    load_labels(group);
    std::move(group.begin(), group.end(), std::back_inserter(all));
  }
  std::sort(all.begin(), all.end(),
            [](const Series& a, const Series& b) { return LabelsView(a.labels) < LabelsView(b.labels); });
  ids.clear();
  for (const Series& series : all) ids.push_back(series.id);
}

void StoreSeriesSet::load_labels_of_head(std::vector<Series>& group) {
  SeriesIndex& index = parts_.head.index();
  const MutexLock lock(index.mutex());
  SeriesIndex::NameRefs names;
  if (needs_.labels) names = index.named_by(*needs_.labels);
  for (Series& series : group) {
    if (!head_ids_.contains(series.id)) continue;
    series.known = needs_.labels ? index.append_encoded_labels(series.id, names, series.labels)
                                 : index.append_encoded_labels(series.id, series.labels);
  }
}

void StoreSeriesSet::load_labels(std::vector<Series>& group) {
  if (needs_.labels && needs_.labels->empty()) return;
  load_labels_of_head(group);
  std::vector<SeriesId> missing;
  for (const Series& series : group) {
    if (!series.known) missing.push_back(series.id);
  }
  if (missing.empty()) return;
  std::vector<std::string> labels = parts_.records.labels(missing, snapshot_);
  size_t next = 0;
  for (Series& series : group) {
    if (series.known) continue;
    series.labels = std::move(labels[next++]);
    series.known = !series.labels.empty();
    if (!series.known) {
      warn_of_damage("series " + std::to_string(series.id) + " has no readable record and is left out", "");
    }
  }
  std::erase_if(group, [](const Series& series) { return !series.known; });
}

std::string StoreSeriesSet::all_labels() {
  const SeriesId id = group_[at_].id;
  std::string labels;
  {
    SeriesIndex& index = parts_.head.index();
    const MutexLock lock(index.mutex());
    index.append_encoded_labels(id, labels);
  }
  if (labels.empty()) labels = parts_.records.labels(id, snapshot_).value_or("");
  return LabelsView(labels).to_string();
}

std::string StoreSeriesSet::spare_string() {
  if (spare_.empty()) return {};
  std::string out = std::move(spare_.back());
  spare_.pop_back();
  out.clear();
  return out;
}

void StoreSeriesSet::keep_spare(std::string text) {
  const bool has_memory = text.capacity() > std::string().capacity();
  if (has_memory && spare_.size() < kSpareMax) spare_.push_back(std::move(text));
}

ReadChunk StoreSeriesSet::copy_of(const ChunkView& chunk, Position version) {
  std::string payload = spare_string();
  payload.assign(chunk.payload);
  return {chunk.first_ms,           chunk.last_ms, chunk.count, chunk.codec, version, std::move(payload),
          std::string(chunk.starts)};
}

Status StoreSeriesSet::copy_head(std::vector<Series>& group) {
  std::vector<std::optional<SeriesIndex::Found>> found(group.size());
  {
    SeriesIndex& index = parts_.head.index();
    const MutexLock lock(index.mutex());
    // Also those that were in files only: what has come to them since, and to files from there, shows by its marks.
    for (size_t i = 0; i < group.size(); ++i) found[i] = index.find(group[i].id);
  }
  for (size_t i = 0; i < group.size(); ++i) {
    if (!found[i]) continue;
    // One that left memory meanwhile is in files by now.
    HeadShard& shard = parts_.head.shard_of(found[i]->id);
    if (range_.newest_only) {
      group[i].newest = shard.newest(found[i]->id, found[i]->slot, range_.min_ms, range_.max_ms, view_);
      if (group[i].newest) continue;
    }
    shard.copy(found[i]->id, found[i]->slot, range_.min_ms, range_.max_ms, view_, group[i].head);
  }
  if (parts_.head.checkpoints.load() == checkpoints_) return {};
  take_snapshot();
  // What a checkpoint moved is in windows where it was not before.
  const Find find = [this](WindowIndex& index, Window window) -> Result<Roaring> {
    Result<Roaring> all = index.all(window);
    if (all) *all &= head_ids_;
    return all;
  };
  Roaring ignored;
  return find_in_files(find, ignored);
}

bool StoreSeriesSet::load_group() {
  group_.clear();
  at_ = 0;
  begun_ = false;
  while (group_.empty() && ids_taken_ < ids_end_) {
    const size_t end = std::min(ids_end_, ids_taken_ + kGroupMax);
    for (; ids_taken_ < end; ++ids_taken_) {
      Series& series = group_.emplace_back();
      series.id = (*ids_)[ids_taken_];
      series.labels = spare_string();
      series.head.open.payload = spare_string();
    }
    status_ = copy_head(group_);
    if (!status_.ok()) return false;
    load_labels(group_);
  }
  return !group_.empty();
}

bool StoreSeriesSet::next() {
  if (!status_.ok()) return false;
  for (;;) {
    if (begun_) {
      keep_spare(std::move(group_[at_].labels));
      keep_spare(std::move(group_[at_].head.open.payload));
      group_[at_] = {};
      ++at_;
    }
    begun_ = true;
    if (at_ >= group_.size()) {
      if (!load_group()) return false;
      begun_ = true;
    }
    if (begin_series()) return true;
    if (!status_.ok()) return false;
  }
}

bool StoreSeriesSet::begin_series() {
  Series& series = group_[at_];
  if (series.newest) {
    single_.reset(*series.newest);
    return true;
  }
  std::vector<ReadChunk> chunks = read_chunks(series.id);
  if (!status_.ok()) return false;
  const int64_t max_ms = std::min(range_.max_ms, series.head.visible_until_ms);
  for (const SharedChunk& chunk : series.head.chunks) {
    chunks.push_back(copy_of(chunk->view(), kHeadVersion));
  }
  if (OwnedChunk& open = series.head.open; open.count > 0) {
    chunks.push_back({open.first_ms, open.last_ms, open.count, Codec::kPieces, kHeadVersion, std::move(open.payload),
                      std::move(open.starts)});
  }
  append_late(series.head.late, chunks);
  std::vector<ReadHistogram> histograms;
  for (LateHistogram& one : series.head.histograms) {
    histograms.push_back({one.t_ms, one.start_ms, kLateVersion, std::move(one.histogram)});
  }
  series.head = {};
  std::erase_if(chunks,
                [&](const ReadChunk& chunk) { return chunk.first_ms > max_ms || chunk.last_ms < range_.min_ms; });
  if (chunks.empty() && histograms.empty()) return false;
  const bool check = (subtracted_ || needs_.with_samples) && histograms.empty() && !has_sample(chunks, max_ms);
  reader_.reset(std::move(chunks), range_.min_ms, max_ms, std::move(histograms));
  if (!check) return true;
  int64_t t_ms = 0;
  double v = 0;
  // One that does not read is left to its reader.
  HistogramRef histogram;
  if (reader_.next({&t_ms, 1}, {&v, 1}) == 0 && reader_.next_histograms({&t_ms, 1}, {&histogram, 1}) == 0 &&
      reader_.status().ok()) {
    return false;
  }
  reader_.rewind();
  return true;
}

// By the chunks' ends alone, so false means perhaps.
bool StoreSeriesSet::has_sample(const std::vector<ReadChunk>& chunks, int64_t max_ms) {
  const auto within = [&](int64_t t_ms) { return t_ms >= range_.min_ms && t_ms <= max_ms; };
  return std::any_of(chunks.begin(), chunks.end(),
                     [&](const ReadChunk& chunk) { return within(chunk.first_ms) || within(chunk.last_ms); });
}

SampleReader& StoreSeriesSet::samples() {
  if (group_[at_].newest) {
    single_.rewind();
    return single_;
  }
  reader_.rewind();
  return reader_;
}

std::vector<ReadChunk> StoreSeriesSet::read_chunks(SeriesId id) {
  std::vector<ReadChunk> out = reader_.take_chunks();
  for (ReadChunk& chunk : out) keep_spare(std::move(chunk.payload));
  out.clear();
  subtracted_ = false;
  for (const auto& [window, ids] : windows_) {
    if (!ids.contains(id)) continue;
    if (tombstones_->of(window).empty()) {
      if (!read_window(window, id, out)) return {};
      continue;
    }
    std::vector<ReadChunk> some;
    if (!read_window(window, id, some)) return {};
    if (tombstones_->subtract(window, id, some)) subtracted_ = true;
    std::move(some.begin(), some.end(), std::back_inserter(out));
  }
  return out;
}

bool StoreSeriesSet::read_window(Window window, SeriesId id, std::vector<ReadChunk>& out) {
  const std::string prefix = chunk_series_prefix(Tier::kRaw, window, id);
  rocksdb::Iterator& chunks = chunks_.at(window, id);
  for (; chunks.Valid() && chunks.key().starts_with(prefix); chunks.Next()) {
    const auto key = parse_chunk_key(view(chunks.key()));
    if (!key) {
      warn_of_damage("a chunk is left out", "a chunk key does not read");
      continue;
    }
    if (key->start_ms > range_.max_ms) break;
    const Result<ChunkView> chunk = parse_chunk(view(chunks.value()));
    if (!chunk) {
      warn_of_damage("a chunk of " + all_labels() + " is left out", chunk.error().message());
      continue;
    }
    if (chunk->last_ms < range_.min_ms) continue;
    out.push_back(copy_of(*chunk, key->version));
  }
  if (chunks.status().ok()) return true;
  // A block of a file does not read. The rest of the answer stands.
  warn_of_damage("chunks of " + all_labels() + " are left out", chunks.status().ToString());
  if (!is_damage(chunks.status())) status_ = to_status(chunks.status(), "reading chunks");
  return status_.ok();
}

void StoreSeriesSet::warn_of_damage(const std::string& what, const std::string& error) {
  parts_.rocks.report_damage("answering a query", error.empty() ? what : error);
  if (warnings_.size() < kWarningsMax) warnings_.push_back(error.empty() ? what : what + ": " + error);
}

}  // namespace tidemark::storage
