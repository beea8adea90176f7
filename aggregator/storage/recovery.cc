#include "aggregator/storage/recovery.h"

#include <algorithm>
#include <thread>

#include "aggregator/storage/keys.h"
#include "aggregator/storage/range_reader.h"
#include "aggregator/storage/series_feed.h"
#include "aggregator/storage/settings.h"
#include "aggregator/storage/shard_recovery.h"

namespace tidemark::storage {
namespace {

// More would mostly decode the same log again.
constexpr unsigned kWorkersMax = 4;
// After damage to where positions, or ids, end: more than can have been given out since the last checkpoint, in a log
// of any length that is configured in earnest.
constexpr Position kPositionsSkipped = Position{1} << 32;
constexpr SeriesId kIdsSkipped = SeriesId{1} << 24;
// Of a kind of piece that does not read, so many are told one by one.
constexpr size_t kSkippedToldMax = 10;

class Recovery {
 public:
  Recovery(Rocks& rocks, SeriesRecords& records, unsigned shard_count, Position last_position, const Clock& clock,
           Logger& logger, Metrics& metrics)
      : rocks_(rocks),
        records_(records),
        clock_(clock),
        logger_(logger),
        metrics_(metrics),
        markers_(shard_count),
        now_s_(static_cast<uint32_t>(std::clamp<int64_t>(clock.now_ms() / 1000, 1, UINT32_MAX))),
        next_position_(last_position + 1) {}

  Result<Recovered> run() {
    const int64_t start_ns = clock_.monotonic_ns();
    for (const auto step : {&Recovery::read_markers, &Recovery::find_last_position}) {
      if (Status status = (this->*step)(); !status.ok()) return fail(status);
    }
    head_ = std::make_unique<Head>(static_cast<unsigned>(markers_.size()), next_position_ - 1);
    for (const auto step : {&Recovery::bring_back_shards, &Recovery::find_unhashed, &Recovery::read_oldest}) {
      if (Status status = (this->*step)(); !status.ok()) return fail(status);
    }
    if (Status status = find_next_id(); !status.ok()) return fail(status);
    metrics_.replay_seconds.Set(static_cast<double>(clock_.monotonic_ns() - start_ns) / 1e9);
    metrics_.replayed_records.Set(static_cast<double>(replayed_));
    metrics_.head_bytes.Set(static_cast<double>(head_->bytes()));
    const MutexLock lock(head_->index().mutex());
    metrics_.series.Set(static_cast<double>(head_->index().size()));
    metrics_.series_ids_left.Set(static_cast<double>(UINT32_MAX - head_->next_id.load()));
    return Recovered{std::move(head_), log_bytes_, generation_};
  }

 private:
  std::unique_ptr<rocksdb::Iterator> iterator(Family family) {
    return std::unique_ptr<rocksdb::Iterator>(rocks_.db().NewIterator(iterator_options(), rocks_.family(family)));
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
        report_skipped(metrics_, logger_, "checkpoint marker", marker.error());
        continue;
      }
      markers_[i] = *marker;
      next_id_ = std::max(next_id_, marker->next_id);
      next_position_ = std::max(next_position_, marker->next_position);
      newest_ms_ = std::max(newest_ms_, marker->newest_ms);
      generation_ = std::max(generation_, marker->generation);
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
    if (!is_damage(at->status())) return to_status(at->status(), "reading the end of the log");
    rocks_.report_damage("looking for the end of the log", at->status().ToString());
    // A position that was given out must not be given again. Gaps do no harm.
    next_position_ = std::max(next_position_, last_position_in_files() + kPositionsSkipped);
    return {};
  }

  Position last_position_in_files() {
    Position last = 0;
    std::vector<rocksdb::LiveFileMetaData> files;
    rocks_.db().GetLiveFilesMetaData(&files);
    for (const rocksdb::LiveFileMetaData& file : files) {
      if (file.column_family_name != rocks_.family(Family::kLog)->GetName()) continue;
      // The last key may be the end of a deleted range: one more than there was.
      if (const auto position = parse_log_key(file.largestkey)) last = std::max(last, *position);
    }
    return last;
  }

  Status bring_back_shards() {
    const unsigned count = std::clamp(std::thread::hardware_concurrency(), 1U,
                                      std::min(kWorkersMax, static_cast<unsigned>(markers_.size())));
    std::vector<std::unique_ptr<ShardRecovery>> workers;
    for (unsigned i = 0; i < count; ++i) {
      std::vector<size_t> shards;
      for (size_t shard = i; shard < markers_.size(); shard += count) shards.push_back(shard);
      workers.push_back(std::make_unique<ShardRecovery>(*head_, rocks_, markers_, generation_, std::move(shards),
                                                        now_s_, metrics_, logger_));
    }
    std::vector<Status> statuses(count);
    each(count, [&](unsigned i) { statuses[i] = workers[i]->load_groups(); });
    for (const Status& status : statuses) {
      if (!status.ok()) return status;
    }
    std::vector<SeriesSlot> loaded;
    for (const auto& worker : workers) loaded.insert(loaded.end(), worker->loaded().begin(), worker->loaded().end());
    Status indexed;
    each(count + 1, [&](unsigned i) {
      if (i == count) {
        indexed = add_to_index(std::move(loaded));
      } else {
        statuses[i] = workers[i]->replay_log(i == 0);
      }
    });
    statuses.push_back(indexed);
    for (const Status& status : statuses) {
      if (!status.ok()) return status;
    }
    std::vector<SeriesSlot> replayed;
    for (const auto& worker : workers) {
      replayed.insert(replayed.end(), worker->replayed().begin(), worker->replayed().end());
      newest_ms_ = std::max(newest_ms_, worker->newest_ms());
      const MutexLock lock(head_->index().mutex());
      head_->maybe_empty |= worker->emptied();
    }
    log_bytes_ = workers[0]->log_bytes();
    replayed_ = workers[0]->records();
    return add_to_index(std::move(replayed));
  }

  // Runs act(0) to act(count - 1) at once.
  template <class Act>
  static void each(unsigned count, Act act) {
    std::vector<std::thread> threads;
    for (unsigned i = 1; i < count; ++i) threads.emplace_back([&act, i] { act(i); });
    act(0);
    for (std::thread& thread : threads) thread.join();
  }

  Status add_to_index(std::vector<SeriesSlot> series) {
    std::sort(series.begin(), series.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    if (!series.empty()) next_id_ = std::max(next_id_, series.back().id + 1);
    SeriesIndex& index = head_->index();
    const MutexLock lock(index.mutex());
    index.reserve(index.size() + series.size());
    size_t skipped = 0;
    SeriesFeed feed(rocks_, std::move(series));
    while (const auto batch = feed.next()) {
      for (const auto& [one, hash, labels] : batch->series) {
        if (!labels.empty()) {
          index.place(one.id, one.slot, hash, LabelsView(labels), now_s_);
          continue;
        }
        if (++skipped <= kSkippedToldMax) {
          report_skipped(metrics_, logger_, "series " + std::to_string(one.id),
                         Status::corruption("it has no record that reads; its newest samples are left out"));
        }
        head_->shard_of(one.id).discard(one.slot);
      }
    }
    if (skipped > kSkippedToldMax) {
      logger_.error("more series have no record that reads", {{"series", uint64_t{skipped - kSkippedToldMax}}});
    }
    index.enter_placed();
    return feed.status();
  }

  // Series defined since the last checkpoint have no hash in files; some may have lost their samples with a damaged log
  // record and are not even active.
  Status find_unhashed() {
    SeriesId first = UINT32_MAX;
    for (const Marker& marker : markers_) first = std::min(first, marker.next_id);
    RangeReader reader(rocks_, Family::kSeries, iterator_options());
    const MutexLock lock(head_->index().mutex());
    auto& unhashed = head_->unhashed;
    return reader.read(series_key(first), [&](std::string_view key, std::string_view labels) {
      const auto id = parse_series_key(key);
      if (id && is_valid_encoding(labels)) unhashed.emplace_back(LabelsView(labels).hash(), *id);
      if (id) next_id_ = std::max(next_id_, *id + 1);
      return id.has_value();
    });
  }

  Status find_next_id() {
    const Result<SeriesId> in_records = records_.next_id();
    if (in_records) {
      head_->next_id = std::max(next_id_, *in_records);
      return {};
    }
    if (in_records.error().code() != Code::kCorruption) return in_records.error();
    rocks_.report_damage("looking for the highest series id", in_records.error().message());
    // An id that was given out must not be given again: what is stored under it would be another series'.
    head_->next_id = next_id_ + std::min(kIdsSkipped, UINT32_MAX - next_id_);
    return {};
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
  Position next_position_;
  int64_t newest_ms_ = INT64_MIN;
  uint64_t generation_ = 0;
  uint64_t log_bytes_ = 0;
  uint64_t replayed_ = 0;
};

}  // namespace

Result<Recovered> recover(Rocks& rocks, SeriesRecords& records, unsigned shard_count, Position last_position,
                          const Clock& clock, Logger& logger, Metrics& metrics) {
  return Recovery(rocks, records, shard_count, last_position, clock, logger, metrics).run();
}

}  // namespace tidemark::storage
