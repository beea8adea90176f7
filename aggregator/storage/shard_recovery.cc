#include "aggregator/storage/shard_recovery.h"

#include <algorithm>

#include "aggregator/storage/delete_record.h"
#include "aggregator/storage/head_group.h"
#include "aggregator/storage/keys.h"
#include "aggregator/storage/range_reader.h"

namespace tidemark::storage {

namespace {

// Ids of one worker's series are as many apart as there are shards; some more may be gone in between.
constexpr size_t kDenseRatio = 256;
// Samples collected before they are replayed: 16 MB, and as much for sorting one shard's at worst.
constexpr size_t kPendingMax = 512 << 10;

rocksdb::ReadOptions read_once() {
  rocksdb::ReadOptions options = iterator_options();
  options.fill_cache = false;
  options.readahead_size = 2 << 20;
  return options;
}

}  // namespace

void report_skipped(Metrics& metrics, Logger& logger, std::string_view what, const Status& why) {
  metrics.corruptions.Increment();
  logger.error("a stored piece does not read and is skipped", {{"piece", what}, {"err", why}});
}

ShardRecovery::ShardRecovery(Head& head, Rocks& rocks, const std::vector<Marker>& markers, uint64_t generation,
                             std::vector<size_t> shards, uint32_t now_s, Metrics& metrics, Logger& logger)
    : head_(head),
      rocks_(rocks),
      markers_(markers),
      generation_(generation),
      shards_(std::move(shards)),
      now_s_(now_s),
      metrics_(metrics),
      logger_(logger),
      mine_(markers.size()),
      files_(rocks),
      pending_(markers.size()),
      record_histograms_(markers.size()) {
  for (const size_t shard : shards_) mine_[shard] = true;
}

Status ShardRecovery::load_groups() {
  RangeReader reader(rocks_, Family::kCheckpoints, read_once());
  std::vector<HeadShard::Loaded> loaded;
  for (const size_t shard : shards_) {
    const std::string from = head_group_key({generation_, static_cast<uint16_t>(shard), 0});
    Status status = reader.read(from, [&](std::string_view bytes, std::string_view value) {
      const auto key = parse_head_group_key(bytes);
      if (!key || key->generation != generation_ || key->shard != shard) return false;
      load_group(shard, key->group, value, loaded);
      return true;
    });
    if (!status.ok()) return status.at("reading open chunks");
  }
  return {};
}

void ShardRecovery::load_group(size_t shard, uint32_t group, std::string_view value,
                               std::vector<HeadShard::Loaded>& loaded) {
  loaded.clear();
  if (!head_.shard(shard).load_group(value, now_s_, loaded)) {
    report_skipped(metrics_, logger_, "head group " + std::to_string(group),
                   Status::corruption("up to 64 series lose what was not in files yet"));
  }
  for (const HeadShard::Loaded& series : loaded) {
    if (series.id % markers_.size() != shard) {
      report_skipped(metrics_, logger_, "open chunk of series " + std::to_string(series.id),
                     Status::corruption("it lies in another shard's group"));
      head_.shard(shard).discard(series.slot);
      continue;
    }
    loaded_.push_back({series.id, series.slot});
    if (!series.has_samples) emptied_.add(series.id);
  }
}

Status ShardRecovery::replay_log(bool reports) {
  index_slots();
  Position from = UINT64_MAX;
  for (const Marker& marker : markers_) from = std::min(from, marker.position);
  RangeReader reader(rocks_, Family::kLog, read_once());
  std::vector<LogSample> samples;
  Position before = from;
  Status failed;
  Status status = reader.read(log_key(from + 1), [&](std::string_view key, std::string_view record) {
    const auto position = parse_log_key(key);
    if (!position) return true;
    if (reports && (rocks_.log_was_damaged() || reader.met_damage()) && *position != before + 1) {
      logger_.error("log positions are missing: their samples may be lost",
                    {{"first", uint64_t{before + 1}}, {"last", uint64_t{*position - 1}}});
    }
    before = *position;
    replay_record(record, *position, reports, samples, failed);
    return failed.ok();
  });
  if (!failed.ok()) return failed;
  replay_pending();
  return status.ok() ? status : status.at("replaying the log");
}

void ShardRecovery::replay_record(std::string_view record, Position position, bool reports,
                                  std::vector<LogSample>& samples, Status& failed) {
  log_bytes_ += record.size();
  ++records_;
  if (is_delete_record(record)) {
    if (Status status = replay_delete(record, position); !status.ok() && reports) {
      report_skipped(metrics_, logger_, "log record " + std::to_string(position), status);
    }
    return;
  }
  if (Status status = decode_log_record(record, samples, histograms_); !status.ok()) {
    if (reports) report_skipped(metrics_, logger_, "log record " + std::to_string(position), status);
    return;
  }
  for (const LogSample& sample : samples) {
    const size_t shard = sample.series % markers_.size();
    if (!mine_[shard] || position <= markers_[shard].position) continue;
    const auto slot = slot_of(sample);
    if (!slot) {
      failed = slot.error();
      return;
    }
    newest_ms_ = std::max(newest_ms_, sample.t_ms);
    if (sample.start_ms != kNoStart) starts_.push_back(sample.start_ms);
    const auto start = sample.start_ms == kNoStart ? 0 : static_cast<uint32_t>(starts_.size());
    pending_[shard].push_back({*slot, start, sample.v, sample.t_ms, position});
    ++pending_count_;
  }
  for (LogHistogram& sample : histograms_) {
    const size_t shard = sample.series % markers_.size();
    if (!mine_[shard] || position <= markers_[shard].position) continue;
    const auto slot = slot_of({sample.series, sample.t_ms, 0, kNoStart});
    if (!slot) {
      failed = slot.error();
      return;
    }
    newest_ms_ = std::max(newest_ms_, sample.t_ms);
    record_histograms_[shard].push_back({*slot, sample.t_ms, sample.start_ms, std::move(sample.histogram)});
  }
  // What else there is of the series comes after its floats before.
  if (pending_count_ >= kPendingMax || !histograms_.empty()) replay_pending();
  if (histograms_.empty()) return;
  for (const size_t shard : shards_) {
    if (!record_histograms_[shard].empty()) head_.shard(shard).replay_histograms(record_histograms_[shard], position);
    record_histograms_[shard].clear();
  }
}

void ShardRecovery::replay_pending() {
  for (const size_t shard : shards_) {
    if (pending_[shard].empty()) continue;
    sort_by_slot(pending_[shard]);
    head_.shard(shard).replay(pending_[shard], starts_);
    pending_[shard].clear();
  }
  pending_count_ = 0;
  starts_.clear();
}

// By counting: slots are few and dense. Keeps the order of those of one slot.
void ShardRecovery::sort_by_slot(std::vector<HeadShard::Replayed>& samples) {
  slot_ends_.clear();
  for (const HeadShard::Replayed& sample : samples) {
    if (sample.slot + 1 >= slot_ends_.size()) slot_ends_.resize(sample.slot + 2);
    ++slot_ends_[sample.slot + 1];
  }
  for (size_t i = 1; i < slot_ends_.size(); ++i) slot_ends_[i] += slot_ends_[i - 1];
  by_slot_.resize(samples.size());
  for (const HeadShard::Replayed& sample : samples) by_slot_[slot_ends_[sample.slot]++] = sample;
  samples.swap(by_slot_);
}

Status ShardRecovery::replay_delete(std::string_view record, Position position) {
  const auto deletes = decode_delete_record(record);
  if (!deletes) return deletes.error();
  replay_pending();
  for (const LogDelete& one : *deletes) {
    for (const SeriesId id : one.ids) {
      const size_t shard = id % markers_.size();
      if (!mine_[shard] || position <= markers_[shard].position) continue;
      const auto slot = known_slot(id);
      if (!slot) continue;
      head_.shard(shard).erase(id, *slot, one.min_ms, one.max_ms);
      emptied_.add(id);
    }
  }
  return {};
}

void ShardRecovery::index_slots() {
  const auto [least, greatest] = std::minmax_element(
      loaded_.begin(), loaded_.end(), [](const SeriesSlot& a, const SeriesSlot& b) { return a.id < b.id; });
  if (least != loaded_.end() && (greatest->id - least->id) / kDenseRatio <= loaded_.size()) {
    dense_first_ = least->id;
    dense_slots_.resize(size_t{greatest->id} - least->id + 1);
    for (const auto& [id, slot] : loaded_) dense_slots_[id - dense_first_] = slot + 1;
  } else {
    slots_.reserve(loaded_.size());
    for (const auto& [id, slot] : loaded_) slots_.emplace(id, slot);
  }
}

std::optional<uint32_t> ShardRecovery::known_slot(SeriesId id) const {
  if (id >= dense_first_ && id - dense_first_ < dense_slots_.size() && dense_slots_[id - dense_first_] != 0) {
    return dense_slots_[id - dense_first_] - 1;
  }
  if (const auto found = slots_.find(id); found != slots_.end()) return found->second;
  return std::nullopt;
}

Result<uint32_t> ShardRecovery::slot_of(const LogSample& sample) {
  const SeriesId id = sample.series;
  if (const auto slot = known_slot(id)) return *slot;
  HeadShard& shard = head_.shard_of(id);
  const Marker& marker = markers_[shard.number()];
  // Files hold nothing of a series that is younger than the checkpoint, and nothing newer than its newest sample.
  int64_t last_ms = id >= marker.next_id ? INT64_MIN : marker.newest_ms;
  if (sample.t_ms <= last_ms) {
    const auto in_files = files_.last_ms(id, sample.t_ms, last_ms);
    if (!in_files) return fail(in_files.error());
    last_ms = *in_files;
  }
  const uint32_t slot = shard.add_series(id, last_ms, true, now_s_);
  slots_.emplace(id, slot);
  replayed_.push_back({id, slot});
  return slot;
}

}  // namespace tidemark::storage
