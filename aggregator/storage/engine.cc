#include "aggregator/storage/engine.h"

#include <malloc.h>

#include <algorithm>
#include <optional>
#include <thread>

#include "aggregator/storage/data_dir.h"
#include "aggregator/storage/recovery.h"
#include "aggregator/storage/select.h"
#include "aggregator/storage/settings.h"
#include "aggregator/storage/snapshot.h"

namespace tidemark::storage {
namespace {

unsigned shards_wanted(unsigned asked) {
  if (asked != 0) return std::min(asked, 256U);
  // More than threads that can run, so that two commits seldom meet.
  return std::clamp(4 * std::thread::hardware_concurrency(), 8U, 64U);
}

// Chunk keys looked at for the oldest sample; beyond that the window's beginning must do.
constexpr size_t kOldestScanMax = 10'000;

}  // namespace

Result<std::unique_ptr<Engine>> Engine::open(const Common& common, OpenMode mode, SeriesId first_id,
                                             std::function<void()> failed) {
  std::unique_ptr<Engine> engine(new Engine(common, mode, std::move(failed)));
  if (Status status = engine->start(first_id); !status.ok()) return fail(status);
  return engine;
}

Status Engine::start(SeriesId first_id) {
  const Options& options = common_.options;
  auto rocks = Rocks::open(common_.dir, options, common_.logger, mode_);
  if (!rocks) return rocks.error();
  rocks_ = std::move(*rocks);
  rocks_->count_damage_in(common_.metrics.corruptions);
  rocks_->set_on_failure([this](const Status& why) { health_.fail(why); });
  auto shards = read_or_create_shards(*rocks_, shards_wanted(options.shards));
  if (!shards) return shards.error();
  if (Status status = raise_format(); !status.ok()) return status;
  records_ = std::make_unique<SeriesRecords>(*rocks_);
  tombstones_ = std::make_unique<Tombstones>(common_.metrics);
  if (Status status = tombstones_->load(*rocks_, common_.logger); !status.ok()) return status;
  auto recovered = recover(*rocks_, *records_, *shards, tombstones_->last_position(), common_.clock, common_.logger,
                           common_.metrics);
  if (!recovered) return recovered.error();
  head_ = std::move(recovered->head);
  head_->next_id = std::max(head_->next_id.load(), first_id);
  state_ = std::make_unique<State>(*rocks_);
  retention_ = std::make_unique<Retention>(*head_, *rocks_, *records_, *tombstones_, common_.metrics, common_.logger,
                                           common_.dir.ingest + "/retention");
  log_ = std::make_unique<Log>(*rocks_, options, common_.clock, health_, common_.metrics, recovered->log_bytes,
                               [this] { maintenance_->ask_checkpoint(); });
  checkpointer_ = std::make_unique<Checkpointer>(*head_, *rocks_, *log_, health_, common_.metrics, options,
                                                 common_.clock, common_.dir.ingest, recovered->generation);
  committer_ = std::make_unique<Committer>(*head_, *rocks_, *log_, *records_, health_, common_.metrics, options,
                                           common_.clock, common_.retention, *tombstones_);
  deleter_ = std::make_unique<Deleter>(*head_, *rocks_, *log_, health_, common_.metrics, *tombstones_);
  rewriter_ = std::make_unique<WindowRewriter>(
      *rocks_, common_.metrics, common_.logger, common_.clock, common_.dir.ingest + "/windows",
      WindowRewriter::Limits{}, *tombstones_,
      [this](Window window, const Roaring& ids) { checkpointer_->not_posted(window, ids); });
  rollup_eraser_ =
      std::make_unique<RollupEraser>(*rocks_, common_.metrics, *tombstones_, common_.dir.ingest + "/windows");
  series_retention_ =
      std::make_unique<SeriesRetention>(*head_, *rocks_, *tombstones_, *deleter_, common_.metrics, common_.logger);
  if (mode_ == OpenMode::kRead) return {};
  maintenance_ = std::make_unique<Maintenance>(
      Maintenance::Work{[this] { checkpoint(); }, [this] { return checkpoint_due(); }, [this] { return retain(); },
                        [this] { return closed_windows(); }});
  if (recovered->log_bytes >= options.log_bytes_max) maintenance_->ask_checkpoint();
  return {};
}

// The file first: it is what stops an older program. Before anything that such a one cannot read is written, and with
// RocksDB's lock held, so that a start beside a running older program changes nothing.
Status Engine::raise_format() {
  if (mode_ == OpenMode::kRead) return {};
  const auto raised = storage::raise_format(common_.dir.path);
  if (!raised) return raised.error();
  if (*raised) {
    common_.logger.info("data directory has a new storage format; older versions do not read it any more",
                        {{"dir", common_.dir.path}, {"format", kFormat}});
  }
  return raise_recorded_format(*rocks_);
}

Result<CommitReport> Engine::commit(Batch& batch) {
  common_.jobs.commits_pending.Increment();
  auto report = committer_->commit(batch);
  common_.jobs.commits_pending.Decrement();
  const uint64_t head_bytes = head_->bytes();
  common_.metrics.head_bytes.Set(static_cast<double>(head_bytes));
  if (head_bytes > common_.options.head_bytes_min && head_bytes > checkpointer_->head_bytes_max()) {
    maintenance_->ask_checkpoint();
  }
  return report;
}

std::unique_ptr<Querier> Engine::querier() {
  return std::make_unique<StoreQuerier>(ReadParts{*head_, *rocks_, *records_, common_.metrics, *tombstones_});
}

void Engine::ask_retention() {
  if (maintenance_) maintenance_->ask_retention();
}

Status Engine::check() {
  const MutexLock lock(files_mu_);
  return checkpointer_->run(false);
}

Status Engine::close() {
  if (mode_ == OpenMode::kRead) return common_.gate.status();
  maintenance_.reset();
  Status status = checkpointer_->run(true);
  // A family that is not flushed pins the write-ahead log, with all that was trimmed from it.
  for (size_t i = 0; status.ok() && i < kFamilyCount; ++i) {
    status =
        rocks_->written(rocks_->db().Flush(rocksdb::FlushOptions(), rocks_->family(static_cast<Family>(i))), "closing");
  }
  // All of the log was trimmed, and open chunks were sealed. What of both lies in files that could not be dropped, as
  // they were of level 0 or being compacted, is dead: a head's worth, which nothing would compact while we are stopped.
  for (const Family family : {Family::kLog, Family::kCheckpoints}) {
    if (status.ok()) status = compact(family);
  }
  deleter_.reset();
  log_.reset();
  checkpointer_.reset();
  return status;
}

Status Engine::compact(Family family) {
  const rocksdb::Status status =
      rocks_->db().CompactRange(rocksdb::CompactRangeOptions(), rocks_->family(family), nullptr, nullptr);
  if (is_damage(status)) {  // It stays.
    rocks_->report_damage("closing", status.ToString());
    return rocks_->failure();
  }
  return rocks_->written(status, "closing");
}

Cardinality Engine::cardinality(size_t limit) {
  Cardinality out = count_series(head_->index(), limit);
  const Stats now = stats();
  out.min_ms = now.min_ms;
  out.max_ms = now.max_ms;
  return out;
}

Status Engine::write_state(const std::vector<StateChange>& changes) {
  Status status = state_->write(changes);
  // RocksDB may have given up writing for reasons of its own, as after a read error of a compaction.
  if (status.code() == Code::kIo || status.code() == Code::kCorruption) health_.fail(status);
  return status;
}

Stats Engine::stats() {
  Stats stats;
  {
    const MutexLock lock(head_->index().mutex());
    stats.active_series = head_->index().size();
  }
  stats.log_bytes = log_->bytes();
  stats.head_bytes = head_->bytes();
  stats.disk_bytes = rocks_->disk_bytes();
  const int64_t newest_ms = head_->newest_ms.load();
  if (newest_ms == INT64_MIN) return stats;
  stats.max_ms = newest_ms;
  stats.min_ms =
      std::max(std::min({head_->oldest_ms(), oldest_in_files_ms(), newest_ms}), head_->oldest_kept_ms.load());
  return stats;
}

Status Engine::delete_samples(const std::vector<std::vector<Matcher>>& sets, int64_t min_ms, int64_t max_ms) {
  // Before the mutex: it may wait for a checkpoint.
  if (Status status = log_->wait_for_room(); !status.ok()) return status;
  {
    const MutexLock lock(files_mu_);
    if (Status status = deleter_->run(sets, min_ms, max_ms); !status.ok()) return status;
  }
  // Rollups and closed windows are gone through at once, others when they are closed.
  ask_retention();
  return {};
}

Status Engine::erase_rollups(std::vector<RollupEraser::Task> tasks) {
  for (RollupEraser::Task& task : tasks) {
    while (!task.ids.isEmpty()) {
      const MutexLock lock(files_mu_);
      if (Status status = health_.status(); !status.ok()) return status;
      if (Status status = rollup_eraser_->piece(task); !status.ok()) return status;
    }
  }
  return {};
}

Status Engine::clean_tombstones() {
  std::map<Window, std::vector<TombstoneKey>> windows;
  const auto tombstones = tombstones_->now();
  for (const TombstoneKey& key : tombstones->keys()) {
    if (key.tier == Tier::kRaw) windows[key.window].push_back(key);
  }
  for (const auto& [window, keys] : windows) {
    Roaring left = tombstones->touched(window, kOldestTimestampMs, kNewestTimestampMs);
    do {
      const MutexLock lock(files_mu_);
      if (Status status = health_.status(); !status.ok()) return status;
      if (window < window_of(head_->oldest_kept_ms.load())) break;  // Dropped meanwhile.
      if (Status status = rewriter_->clean(window, left, keys); !status.ok()) return status;
    } while (!left.isEmpty());
  }
  for (bool more = true; more;) {
    const MutexLock lock(files_mu_);
    if (Status status = health_.status(); !status.ok()) return status;
    const auto erased = rollup_eraser_->step();
    if (!erased) return erased.error();
    more = *erased;
  }
  return {};
}

Status Engine::snapshot_to(const std::string& path) {
  const MutexLock lock(files_mu_);
  JobMetrics::Run counted(common_.jobs.snapshot);
  Status status = take_snapshot(*rocks_, common_.dir, path);
  if (status.ok()) counted.done();
  return status;
}

void Engine::checkpoint() {
  const MutexLock lock(files_mu_);
  if (Status status = checkpointer_->run(false); !status.ok()) {
    common_.logger.error("checkpoint failed", {{"err", status}});
  }
  // It made and dropped a copy of much of the head, in pieces that glibc would keep.
  ::malloc_trim(0);
}

bool Engine::checkpoint_due() {
  return pace_.due(common_.clock.monotonic_ns(), log_->appended_bytes(), log_->bytes(), head_->bytes());
}

// No later than the newest sample can be, so that a clock which jumped ahead drops nothing.
int64_t Engine::retention_now_ms() const {
  const int64_t now_ms = common_.clock.now_ms();
  const int64_t newest_ms = head_->newest_ms.load();
  if (newest_ms == INT64_MIN || now_ms - newest_ms <= common_.options.future_tolerance_ms) return now_ms;
  return newest_ms + common_.options.future_tolerance_ms;
}

bool Engine::retain() {
  const RetentionLimits limits = common_.retention.limits();
  const int64_t now_ms = retention_now_ms();
  std::vector<RollupEraser::Task> rollups;
  bool again = false;
  {
    const MutexLock lock(files_mu_);
    JobMetrics::Run counted(common_.jobs.retention);
    // Failures are logged where they happen; the next pass tries again.
    if (retention_->run(now_ms, limits).ok()) counted.done();
    again = retention_->waiting();
    if (!health_.writable() || !common_.gate.is_open()) return again;
    rollups = series_retention_->run(now_ms, limits);
  }
  if (Status status = erase_rollups(std::move(rollups)); !status.ok()) series_retention_->report(status);
  return again;
}

bool Engine::closed_windows() {
  const MutexLock lock(files_mu_);
  if (!health_.writable() || !common_.gate.is_open()) return false;
  const auto erased = rollup_eraser_->step();
  if (!erased) {
    common_.metrics.rewrite_failures.Increment();
    common_.logger.warn("taking what was deleted out of rollups failed, and is tried again later",
                        {{"err", erased.error()}});
    return false;
  }
  return *erased || rewriter_->step({window_of(head_->oldest_kept_ms.load()), common_.clock.now_ms(),
                                     head_->newest_ms.load(), common_.retention.limits().tiers()});
}

int64_t Engine::oldest_in_files_ms() {
  const std::unique_ptr<rocksdb::Iterator> at(
      rocks_->db().NewIterator(iterator_options(), rocks_->family(Family::kChunks)));
  at->Seek(window_prefix(Tier::kRaw, window_of(head_->oldest_kept_ms.load())));
  int64_t oldest = INT64_MAX;
  std::optional<Window> first;
  for (size_t i = 0; at->Valid(); at->Next(), ++i) {
    const auto key = parse_chunk_key(view(at->key()));
    if (!key || key->tier != Tier::kRaw) break;
    if (!first) first = key->window;
    if (key->window != *first) break;
    if (i == kOldestScanMax) return window_start_ms(*first);
    oldest = std::min(oldest, key->start_ms);
  }
  return oldest;
}

}  // namespace tidemark::storage
