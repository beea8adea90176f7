#include "aggregator/storage/store.h"

#include <filesystem>

#include "aggregator/storage/engine_keeper.h"
#include "aggregator/storage/lent_querier.h"
#include "aggregator/storage/snapshot.h"

namespace tidemark::storage {
namespace {

class StoreImpl final : public Store {
 public:
  StoreImpl(const Options& options, const Clock& clock, Logger& logger, prometheus::Registry& registry)
      : options_(options),
        clock_(clock),
        logger_(logger),
        metrics_(registry),
        jobs_(registry),
        gate_(logger, metrics_),
        retention_(options) {}

  Status start() {
    auto dir = prepare_data_dir(options_.path);
    if (!dir) return dir.error();
    dir_ = *dir;
    keeper_ = std::make_unique<EngineKeeper>(
        Engine::Common{options_, clock_, logger_, metrics_, jobs_, dir_, gate_, retention_});
    Status status = keeper_->start();
    // What was met after RocksDB had opened.
    if (status.code() == Code::kCorruption && status.message().find("tsdb repair") == std::string::npos) {
      return Status::corruption("data directory " + dir_.path + " is damaged: " + status.message() +
                                " (run \"tidemark tsdb repair --storage.tsdb.path=" + dir_.path +
                                "\", or restore a backup)");
    }
    if (status.ok()) remove_unfinished_copies(dir_);
    return status;
  }

  Result<CommitReport> commit(Batch& batch) override {
    Status status = gate_.status();
    if (status.ok()) {
      if (const auto engine = keeper_->lend()) return engine->commit(batch);
      status = keeper_->absent();
    }
    metrics_.commit_failures.Increment();
    return fail(std::move(status));
  }

  Result<std::unique_ptr<Querier>> querier() override {
    auto engine = keeper_->lend();
    if (!engine) return fail(keeper_->absent());
    return std::make_unique<LentQuerier>(std::move(engine));
  }

  Result<std::optional<std::string>> get_state(std::string_view key) override {
    const auto engine = keeper_->lend();
    if (!engine) return fail(keeper_->absent());
    return engine->state().get(key);
  }
  Result<std::vector<std::pair<std::string, std::string>>> scan_state(std::string_view prefix) override {
    const auto engine = keeper_->lend();
    if (!engine) return fail(keeper_->absent());
    return engine->state().scan(prefix);
  }
  Status write_state(const std::vector<StateChange>& changes) override {
    const auto engine = keeper_->lend();
    return engine ? engine->write_state(changes) : keeper_->absent();
  }

  Status delete_samples(const std::vector<std::vector<Matcher>>& sets, int64_t min_ms, int64_t max_ms) override {
    if (Status status = gate_.status(); !status.ok()) return status;
    const auto engine = keeper_->lend();
    return engine ? engine->delete_samples(sets, min_ms, max_ms) : keeper_->absent();
  }
  Status clean_tombstones() override {
    if (Status status = gate_.status(); !status.ok()) return status;
    const auto engine = keeper_->lend();
    return engine ? engine->clean_tombstones() : keeper_->absent();
  }

  Status snapshot(const std::string& name) override {
    if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos || name.ends_with(kUnfinishedCopy)) {
      return Status::invalid("a snapshot's name must be that of a file, got \"" + name + "\"");
    }
    const auto engine = keeper_->lend();
    if (!engine) return keeper_->absent();
    return engine->snapshot_to(options_.path + "/" + kSnapshotsFolder + "/" + name);
  }

  // From a snapshot, so that checkpoints need not wait while files are copied.
  Result<Backup> backup(const std::string& folder, size_t keep) override {
    JobMetrics::Run counted(jobs_.backup);
    if (backing_up_.exchange(true)) return fail(Status::unavailable("a backup is under way: try again later"));
    const std::string source = options_.path + "/" + kBackupSource;
    std::error_code ignored;
    std::filesystem::remove_all(source, ignored);
    Status taken = keeper_->absent();
    if (const auto engine = keeper_->lend()) taken = engine->snapshot_to(source);
    Result<Backup> made = taken.ok()
                              ? make_backup(source, {folder, options_.encryption_key_file, options_.env}, keep, logger_)
                              : fail(taken);
    std::filesystem::remove_all(source, ignored);
    backing_up_ = false;
    if (made) {
      counted.done();
      jobs_.backup_copied_bytes.Increment(static_cast<double>(made->copied_bytes));
    }
    return made;
  }

  Cardinality cardinality(size_t limit) override {
    const auto engine = keeper_->lend();
    return engine ? engine->cardinality(limit) : Cardinality();
  }

  Status close() override { return keeper_->close(); }

  void set_retention(int64_t retention_ms, uint64_t retention_bytes) override {
    set_retention([&](RetentionLimits& limits) {
      limits.time_ms = retention_ms;
      limits.bytes = retention_bytes;
    });
  }
  void set_retention_rules(std::vector<RetentionRule> rules) override {
    set_retention([&](RetentionLimits& limits) {
      limits.rules = std::make_shared<const std::vector<RetentionRule>>(std::move(rules));
    });
  }
  void set_rollup_retention(int64_t retention_5m_ms, int64_t retention_1h_ms) override {
    set_retention([&](RetentionLimits& limits) {
      limits.rollup_5m_ms = retention_5m_ms;
      limits.rollup_1h_ms = retention_1h_ms;
    });
  }

  Stats stats() override {
    const auto engine = keeper_->lend();
    return engine ? engine->stats() : Stats();
  }

 private:
  template <class Change>
  void set_retention(Change change) {
    retention_.change(change);
    if (const auto engine = keeper_->lend()) engine->ask_retention();
  }

  const Options options_;
  const Clock& clock_;
  Logger& logger_;
  Metrics metrics_;
  JobMetrics jobs_;
  WriteGate gate_;
  RetentionSettings retention_;
  DataDir dir_;
  std::atomic<bool> backing_up_ = false;
  std::unique_ptr<EngineKeeper> keeper_;
};

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const Options& options, const Clock& clock, Logger& logger,
                                           prometheus::Registry& metrics) {
  auto store = std::make_unique<StoreImpl>(options, clock, logger, metrics);
  if (Status status = store->start(); !status.ok()) return fail(status.at("storage"));
  return store;
}

}  // namespace tidemark::storage
