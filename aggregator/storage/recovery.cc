#include "aggregator/storage/recovery.h"

#include <algorithm>

#include "aggregator/storage/keys.h"
#include "aggregator/storage/settings.h"

namespace tidemark::storage {
namespace {

// Series whose labels are read at once.
constexpr size_t kLoadBatch = 1024;

class Recovery {
 public:
  Recovery(Rocks& rocks, SeriesRecords& records, unsigned shard_count, const Clock& clock, Logger& logger,
           Metrics& metrics)
      : rocks_(rocks),
        records_(records),
        clock_(clock),
        logger_(logger),
        metrics_(metrics),
        markers_(shard_count),
        now_s_(static_cast<uint32_t>(std::clamp<int64_t>(clock.now_ms() / 1000, 1, UINT32_MAX))) {}

  Result<Recovered> run() {
    const int64_t start_ns = clock_.monotonic_ns();
    for (const auto step : {&Recovery::read_markers, &Recovery::find_last_position}) {
      if (Status status = (this->*step)(); !status.ok()) return fail(status);
    }
    head_ = std::make_unique<Head>(static_cast<unsigned>(markers_.size()), next_position_ - 1);
    for (const auto step : {&Recovery::load_open_chunks, &Recovery::replay_log, &Recovery::read_oldest}) {
      if (Status status = (this->*step)(); !status.ok()) return fail(status);
    }
    const Result<SeriesId> next_id = records_.next_id();
    if (!next_id) return fail(next_id.error());
    head_->next_id = std::max(next_id_, *next_id);
    metrics_.replay_seconds.Set(static_cast<double>(clock_.monotonic_ns() - start_ns) / 1e9);
    metrics_.replayed_records.Set(static_cast<double>(replayed_));
    metrics_.head_bytes.Set(static_cast<double>(head_->bytes()));
    const MutexLock lock(head_->index().mutex());
    metrics_.series.Set(static_cast<double>(head_->index().size()));
    metrics_.series_ids_left.Set(static_cast<double>(UINT32_MAX - head_->next_id.load()));
    return Recovered{std::move(head_), log_bytes_};
  }

 private:
  void skipped(std::string_view what, const Status& why) {
    metrics_.corruptions.Increment();
    logger_.error("a stored piece does not read and is skipped", {{"piece", what}, {"err", why}});
  }

  std::unique_ptr<rocksdb::Iterator> iterator(Family family) {
    return std::unique_ptr<rocksdb::Iterator>(rocks_.db().NewIterator(rocksdb::ReadOptions(), rocks_.family(family)));
  }

  Status read_markers() {
    for (size_t i = 0; i < markers_.size(); ++i) {
      std::string bytes;
      const rocksdb::Status status = rocks_.db().Get(rocksdb::ReadOptions(), rocks_.family(Family::kCheckpoints),
                                                     marker_key(static_cast<uint16_t>(i)), &bytes);
      if (status.IsNotFound()) continue;
      if (!status.ok()) return to_status(status, "reading a checkpoint marker");
      const Result<Marker> marker = parse_marker(bytes);
      // Without it, what the log holds of the shard is replayed from its beginning: too much, never too little.
      if (!marker) {
        skipped("checkpoint marker", marker.error());
        continue;
      }
      markers_[i] = *marker;
      next_id_ = std::max(next_id_, marker->next_id);
      next_position_ = std::max(next_position_, marker->next_position);
      newest_ms_ = std::max(newest_ms_, marker->newest_ms);
    }
    return {};
  }

  Status find_last_position() {
    const auto at = iterator(Family::kLog);
    at->SeekToLast();
    if (at->Valid()) {
      if (const auto position = parse_log_key(view(at->key())))
        next_position_ = std::max(next_position_, *position + 1);
    }
    return to_status(at->status(), "reading the end of the log");
  }

  Status load_open_chunks() {
    const auto at = iterator(Family::kCheckpoints);
    std::vector<SeriesId> ids;
    std::vector<OpenChunk> chunks;
    for (at->Seek("o"); at->Valid(); at->Next()) {
      const auto id = parse_open_chunk_key(view(at->key()));
      if (!id) break;
      Result<OpenChunk> chunk = OpenChunk::parse(view(at->value()));
      if (!chunk) {
        skipped("open chunk of series " + std::to_string(*id), chunk.error());
        continue;
      }
      ids.push_back(*id);
      chunks.push_back(std::move(*chunk));
      if (ids.size() == kLoadBatch) load(ids, chunks);
    }
    load(ids, chunks);
    return to_status(at->status(), "reading open chunks");
  }

  void load(std::vector<SeriesId>& ids, std::vector<OpenChunk>& chunks) {
    const std::vector<std::string> labels = records_.labels(ids);
    for (size_t i = 0; i < ids.size(); ++i) {
      if (labels[i].empty()) {
        skipped("open chunk of series " + std::to_string(ids[i]), Status::corruption("its series has no record"));
        continue;
      }
      newest_ms_ = std::max(newest_ms_, chunks[i].last_ms());
      const uint32_t slot = add_series(ids[i], LabelsView(labels[i]), Tail{});
      head_->shard_of(ids[i]).load_open_chunk(slot, std::move(chunks[i]));
    }
    ids.clear();
    chunks.clear();
  }

  uint32_t add_series(SeriesId id, LabelsView labels, const Tail& tail) {
    const uint32_t slot = head_->shard_of(id).add_series(id, tail, true, now_s_);
    const MutexLock lock(head_->index().mutex());
    head_->index().add(id, slot, labels.hash(), labels, now_s_);
    next_id_ = std::max(next_id_, id + 1);
    return slot;
  }

  Status replay_log() {
    Position from = UINT64_MAX;
    for (const Marker& marker : markers_) from = std::min(from, marker.position);
    const auto at = iterator(Family::kLog);
    std::vector<LogSample> samples;
    Position before = from;
    for (at->Seek(log_key(from + 1)); at->Valid(); at->Next()) {
      const auto position = parse_log_key(view(at->key()));
      if (!position) continue;
      if (rocks_.log_was_damaged() && *position != before + 1) {
        logger_.error("log positions are missing: their samples may be lost",
                      {{"first", uint64_t{before + 1}}, {"last", uint64_t{*position - 1}}});
      }
      before = *position;
      log_bytes_ += at->value().size();
      if (Status status = decode_log_record(view(at->value()), samples); !status.ok()) {
        skipped("log record " + std::to_string(*position), status);
        continue;
      }
      ++replayed_;
      for (const LogSample& sample : samples) {
        if (*position > markers_[sample.series % markers_.size()].position) replay(sample);
      }
    }
    return to_status(at->status(), "replaying the log");
  }

  void replay(const LogSample& sample) {
    HeadShard& shard = head_->shard_of(sample.series);
    std::optional<SeriesIndex::Found> found;
    {
      const MutexLock lock(head_->index().mutex());
      found = head_->index().find(sample.series);
    }
    uint32_t slot = 0;
    if (found) {
      slot = found->slot;
    } else {
      const Result<std::string> labels = records_.labels(sample.series);
      if (!labels) return skipped("sample of series " + std::to_string(sample.series), labels.error());
      const Result<Tail> tail = records_.tail(shard.number(), sample.series);
      slot = add_series(sample.series, LabelsView(*labels), tail ? *tail : Tail{});
    }
    shard.replay(slot, sample.t_ms, sample.v);
    newest_ms_ = std::max(newest_ms_, sample.t_ms);
  }

  Status read_oldest() {
    head_->newest_ms = newest_ms_;
    const Result<std::optional<int64_t>> oldest = read_oldest_kept_ms(rocks_);
    if (!oldest) return oldest.error();
    if (*oldest) head_->oldest_kept_ms = **oldest;
    return {};
  }

  Rocks& rocks_;
  SeriesRecords& records_;
  const Clock& clock_;
  Logger& logger_;
  Metrics& metrics_;
  std::vector<Marker> markers_;  // By shard.
  const uint32_t now_s_;
  std::unique_ptr<Head> head_;
  SeriesId next_id_ = 1;
  Position next_position_ = 1;
  int64_t newest_ms_ = INT64_MIN;
  uint64_t log_bytes_ = 0;
  uint64_t replayed_ = 0;
};

}  // namespace

Result<Recovered> recover(Rocks& rocks, SeriesRecords& records, unsigned shard_count, const Clock& clock,
                          Logger& logger, Metrics& metrics) {
  return Recovery(rocks, records, shard_count, clock, logger, metrics).run();
}

}  // namespace tidemark::storage
