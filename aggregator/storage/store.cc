#include "aggregator/storage/store.h"

#include <algorithm>
#include <filesystem>
#include <thread>

#include "aggregator/storage/checkpoint.h"
#include "aggregator/storage/committer.h"
#include "aggregator/storage/maintenance.h"
#include "aggregator/storage/recovery.h"
#include "aggregator/storage/retention.h"
#include "aggregator/storage/select.h"
#include "aggregator/storage/settings.h"
#include "aggregator/storage/snapshot.h"
#include "aggregator/storage/state.h"
#include "aggregator/storage/window_rewrite.h"

namespace tidemark::storage {
namespace {

unsigned shards_wanted(unsigned asked) {
  if (asked != 0) return std::min(asked, 256U);
  // More than threads that can run, so that two commits seldom meet.
  return std::clamp(4 * std::thread::hardware_concurrency(), 8U, 64U);
}

// Chunk keys looked at for the oldest sample; beyond that the window's beginning must do.
constexpr size_t kOldestScanMax = 10'000;

class StoreImpl final : public Store {
 public:
  StoreImpl(const Options& options, const Clock& clock, Logger& logger, prometheus::Registry& registry)
      : options_(options),
        clock_(clock),
        logger_(logger),
        metrics_(registry),
        health_(logger, metrics_),
        retention_ms_(options.retention_ms),
        retention_bytes_(options.retention_bytes) {}

  Status start() {
    auto dir = prepare_data_dir(options_.path);
    if (!dir) return dir.error();
    dir_ = *dir;
    auto rocks = Rocks::open(*dir, options_, logger_);
    if (!rocks) return rocks.error();
    rocks_ = std::move(*rocks);
    auto shards = read_or_create_shards(*rocks_, shards_wanted(options_.shards));
    if (!shards) return shards.error();
    records_ = std::make_unique<SeriesRecords>(*rocks_);
    auto recovered = recover(*rocks_, *records_, *shards, clock_, logger_, metrics_);
    if (!recovered) return recovered.error();
    head_ = std::move(recovered->head);
    state_ = std::make_unique<State>(*rocks_);
    retention_ = std::make_unique<Retention>(*head_, *rocks_, *records_, metrics_, logger_);
    log_ = std::make_unique<Log>(*rocks_, options_, clock_, health_, metrics_, recovered->log_bytes,
                                 [this] { maintenance_->ask_checkpoint(); });
    checkpointer_ =
        std::make_unique<Checkpointer>(*head_, *rocks_, *log_, health_, metrics_, options_, clock_, dir->ingest);
    committer_ =
        std::make_unique<Committer>(*head_, *log_, *records_, health_, metrics_, options_, clock_, retention_ms_);
    rewriter_ = std::make_unique<WindowRewriter>(*rocks_, metrics_, logger_, clock_, dir->ingest + "/windows",
                                                 WindowRewriter::Limits{});
    maintenance_ = std::make_unique<Maintenance>(
        Maintenance::Work{[this] { checkpoint(); }, [this] { retain(); }, [this] { return closed_windows(); }});
    if (recovered->log_bytes >= options_.log_bytes_max) maintenance_->ask_checkpoint();
    return {};
  }

  Result<CommitReport> commit(Batch& batch) override {
    auto report = committer_->commit(batch);
    const uint64_t head_bytes = head_->bytes();
    metrics_.head_bytes.Set(static_cast<double>(head_bytes));
    if (head_bytes > options_.head_bytes_min && head_bytes > checkpointer_->head_bytes_max()) {
      maintenance_->ask_checkpoint();
    }
    return report;
  }

  Result<std::unique_ptr<Querier>> querier() override {
    return std::make_unique<StoreQuerier>(ReadParts{*head_, *rocks_, *records_, metrics_});
  }

  Result<std::optional<std::string>> get_state(std::string_view key) override { return state_->get(key); }
  Result<std::vector<std::pair<std::string, std::string>>> scan_state(std::string_view prefix) override {
    return state_->scan(prefix);
  }
  Status write_state(const std::vector<StateChange>& changes) override { return state_->write(changes); }

  Status snapshot(const std::string& name) override {
    if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos) {
      return Status::invalid("a snapshot's name must be that of a file, got \"" + name + "\"");
    }
    return snapshot_to(options_.path + "/" + kSnapshotsFolder + "/" + name);
  }

  // From a snapshot, so that checkpoints need not wait while files are copied.
  Result<Backup> backup(const std::string& folder, size_t keep) override {
    if (backing_up_.exchange(true)) return fail(Status::unavailable("a backup is under way: try again later"));
    const std::string source = options_.path + "/backup";
    std::error_code ignored;
    std::filesystem::remove_all(source, ignored);
    const Status taken = snapshot_to(source);
    Result<Backup> made = taken.ok()
                              ? make_backup(source, {folder, options_.encryption_key_file, options_.env}, keep, logger_)
                              : fail(taken);
    std::filesystem::remove_all(source, ignored);
    backing_up_ = false;
    return made;
  }

  Status close() override {
    maintenance_.reset();
    Status status = checkpointer_->run(true);
    log_.reset();
    checkpointer_.reset();
    return status;
  }

  void set_retention(int64_t retention_ms, uint64_t retention_bytes) override {
    retention_ms_ = retention_ms;
    retention_bytes_ = retention_bytes;
    maintenance_->ask_retention();
  }

  Stats stats() override {
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

 private:
  void checkpoint() {
    const MutexLock lock(files_mu_);
    if (Status status = checkpointer_->run(false); !status.ok()) {
      logger_.error("checkpoint failed", {{"err", status}});
    }
  }

  void retain() {
    const MutexLock lock(files_mu_);
    // Its failures are counted and logged where they happen; the next pass tries again.
    static_cast<void>(retention_->run(clock_.now_ms(), retention_ms_.load(), retention_bytes_.load()));
  }

  Status snapshot_to(const std::string& path) {
    const MutexLock lock(files_mu_);
    return take_snapshot(*rocks_, dir_, path);
  }

  bool closed_windows() {
    const MutexLock lock(files_mu_);
    if (!health_.status().ok()) return false;
    return rewriter_->step({window_of(head_->oldest_kept_ms.load()), clock_.now_ms(), head_->newest_ms.load()});
  }

  int64_t oldest_in_files_ms() {
    const std::unique_ptr<rocksdb::Iterator> at(
        rocks_->db().NewIterator(rocksdb::ReadOptions(), rocks_->family(Family::kChunks)));
    at->Seek(window_prefix(Tier::kRaw, window_of(head_->oldest_kept_ms.load())));
    int64_t oldest = INT64_MAX;
    std::optional<Window> first;
    for (size_t i = 0; at->Valid(); at->Next(), ++i) {
      const auto key = parse_chunk_key(view(at->key()));
      if (!key) break;
      if (!first) first = key->window;
      if (key->window != *first) break;
      if (i == kOldestScanMax) return window_start_ms(*first);
      oldest = std::min(oldest, key->start_ms);
    }
    return oldest;
  }

  // Each part knows only those above it; they go in the opposite order.
  const Options options_;
  const Clock& clock_;
  Logger& logger_;
  Metrics metrics_;
  Health health_;
  std::atomic<int64_t> retention_ms_;
  std::atomic<uint64_t> retention_bytes_;
  DataDir dir_;
  // Checkpoints, retention, work on closed windows and snapshots, one at a time: held across I/O, never taken by a
  // commit or a query.
  Mutex files_mu_;
  std::atomic<bool> backing_up_ = false;
  std::unique_ptr<Rocks> rocks_;
  std::unique_ptr<SeriesRecords> records_;
  std::unique_ptr<Head> head_;
  std::unique_ptr<State> state_;
  std::unique_ptr<Retention> retention_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<Checkpointer> checkpointer_;
  std::unique_ptr<Committer> committer_;
  std::unique_ptr<WindowRewriter> rewriter_;
  std::unique_ptr<Maintenance> maintenance_;
};

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const Options& options, const Clock& clock, Logger& logger,
                                           prometheus::Registry& metrics) {
  auto store = std::make_unique<StoreImpl>(options, clock, logger, metrics);
  if (Status status = store->start(); !status.ok()) return fail(status.at("storage"));
  return store;
}

}  // namespace tidemark::storage
