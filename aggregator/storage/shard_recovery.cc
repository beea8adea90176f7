#include "aggregator/storage/shard_recovery.h"

#include <algorithm>

#include "aggregator/storage/head_group.h"
#include "aggregator/storage/keys.h"

namespace tidemark::storage {

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
      files_(rocks) {
  for (const size_t shard : shards_) mine_[shard] = true;
}

std::unique_ptr<rocksdb::Iterator> ShardRecovery::iterator(Family family) {
  rocksdb::ReadOptions options;
  options.fill_cache = false;  // Read once.
  options.readahead_size = 2 << 20;
  return std::unique_ptr<rocksdb::Iterator>(rocks_.db().NewIterator(options, rocks_.family(family)));
}

Status ShardRecovery::load_groups() {
  const auto at = iterator(Family::kCheckpoints);
  std::vector<HeadShard::Loaded> loaded;
  for (const size_t shard : shards_) {
    for (at->Seek(head_group_key({generation_, static_cast<uint16_t>(shard), 0})); at->Valid(); at->Next()) {
      const auto key = parse_head_group_key(view(at->key()));
      if (!key || key->generation != generation_ || key->shard != shard) break;
      loaded.clear();
      if (!head_.shard(shard).load_group(view(at->value()), now_s_, loaded)) {
        report_skipped(metrics_, logger_, "head group " + std::to_string(key->group),
                       Status::corruption("up to 64 series lose what was not in files yet"));
      }
      for (const auto& [id, slot] : loaded) loaded_.push_back({id, slot});
    }
    if (!at->status().ok()) return to_status(at->status(), "reading open chunks");
  }
  return {};
}

Status ShardRecovery::replay_log(bool reports) {
  slots_.reserve(loaded_.size());
  for (const auto& [id, slot] : loaded_) slots_.emplace(id, slot);
  Position from = UINT64_MAX;
  for (const Marker& marker : markers_) from = std::min(from, marker.position);
  const auto at = iterator(Family::kLog);
  std::vector<LogSample> samples;
  Position before = from;
  for (at->Seek(log_key(from + 1)); at->Valid(); at->Next()) {
    const auto position = parse_log_key(view(at->key()));
    if (!position) continue;
    if (reports && rocks_.log_was_damaged() && *position != before + 1) {
      logger_.error("log positions are missing: their samples may be lost",
                    {{"first", uint64_t{before + 1}}, {"last", uint64_t{*position - 1}}});
    }
    before = *position;
    log_bytes_ += at->value().size();
    ++records_;
    if (Status status = decode_log_record(view(at->value()), samples); !status.ok()) {
      if (reports) report_skipped(metrics_, logger_, "log record " + std::to_string(*position), status);
      continue;
    }
    for (const LogSample& sample : samples) {
      const size_t shard = sample.series % markers_.size();
      if (!mine_[shard] || *position <= markers_[shard].position) continue;
      if (Status status = replay(sample, *position); !status.ok()) return status;
    }
  }
  return to_status(at->status(), "replaying the log");
}

Status ShardRecovery::replay(const LogSample& sample, Position position) {
  HeadShard& shard = head_.shard_of(sample.series);
  newest_ms_ = std::max(newest_ms_, sample.t_ms);
  auto found = slots_.find(sample.series);
  if (found == slots_.end()) {
    const Marker& marker = markers_[shard.number()];
    // Files hold nothing of a series that is younger than the checkpoint, and nothing newer than its newest sample.
    int64_t last_ms = sample.series >= marker.next_id ? INT64_MIN : marker.newest_ms;
    if (sample.t_ms <= last_ms) {
      const auto in_files = files_.last_ms(sample.series, sample.t_ms, last_ms);
      if (!in_files) return in_files.error();
      last_ms = *in_files;
    }
    const uint32_t slot = shard.add_series(sample.series, last_ms, true, now_s_);
    found = slots_.emplace(sample.series, slot).first;
    replayed_.push_back({sample.series, slot});
  }
  shard.replay(found->second, sample, position);
  return {};
}

}  // namespace tidemark::storage
