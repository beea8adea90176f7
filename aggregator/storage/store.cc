#include "aggregator/storage/store.h"

#include <filesystem>

#include "aggregator/storage/engine.h"
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
        retention_ms_(options.retention_ms),
        retention_bytes_(options.retention_bytes),
        retention_5m_ms_(options.retention_5m_ms),
        retention_1h_ms_(options.retention_1h_ms) {}

  Status start() {
    auto dir = prepare_data_dir(options_.path);
    if (!dir) return dir.error();
    dir_ = *dir;
    auto engine = Engine::open({options_, clock_, logger_, metrics_, dir_, retention_ms_, retention_bytes_,
                                retention_5m_ms_, retention_1h_ms_});
    if (!engine) return engine.error();
    engine_ = std::move(*engine);
    return {};
  }

  Result<CommitReport> commit(Batch& batch) override { return engine_->commit(batch); }
  Result<std::unique_ptr<Querier>> querier() override { return engine_->querier(); }

  Result<std::optional<std::string>> get_state(std::string_view key) override { return engine_->state().get(key); }
  Result<std::vector<std::pair<std::string, std::string>>> scan_state(std::string_view prefix) override {
    return engine_->state().scan(prefix);
  }
  Status write_state(const std::vector<StateChange>& changes) override { return engine_->state().write(changes); }

  Status snapshot(const std::string& name) override {
    if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos) {
      return Status::invalid("a snapshot's name must be that of a file, got \"" + name + "\"");
    }
    return engine_->snapshot_to(options_.path + "/" + kSnapshotsFolder + "/" + name);
  }

  // From a snapshot, so that checkpoints need not wait while files are copied.
  Result<Backup> backup(const std::string& folder, size_t keep) override {
    if (backing_up_.exchange(true)) return fail(Status::unavailable("a backup is under way: try again later"));
    const std::string source = options_.path + "/backup";
    std::error_code ignored;
    std::filesystem::remove_all(source, ignored);
    const Status taken = engine_->snapshot_to(source);
    Result<Backup> made = taken.ok()
                              ? make_backup(source, {folder, options_.encryption_key_file, options_.env}, keep, logger_)
                              : fail(taken);
    std::filesystem::remove_all(source, ignored);
    backing_up_ = false;
    return made;
  }

  Cardinality cardinality(size_t limit) override { return engine_->cardinality(limit); }

  Status close() override { return engine_->close(); }

  void set_retention(int64_t retention_ms, uint64_t retention_bytes) override {
    retention_ms_ = retention_ms;
    retention_bytes_ = retention_bytes;
    engine_->ask_retention();
  }

  void set_rollup_retention(int64_t retention_5m_ms, int64_t retention_1h_ms) override {
    retention_5m_ms_ = retention_5m_ms;
    retention_1h_ms_ = retention_1h_ms;
    engine_->ask_retention();
  }

  Stats stats() override { return engine_->stats(); }

 private:
  const Options options_;
  const Clock& clock_;
  Logger& logger_;
  Metrics metrics_;
  std::atomic<int64_t> retention_ms_;
  std::atomic<uint64_t> retention_bytes_;
  std::atomic<int64_t> retention_5m_ms_;
  std::atomic<int64_t> retention_1h_ms_;
  DataDir dir_;
  std::atomic<bool> backing_up_ = false;
  std::unique_ptr<Engine> engine_;
};

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const Options& options, const Clock& clock, Logger& logger,
                                           prometheus::Registry& metrics) {
  auto store = std::make_unique<StoreImpl>(options, clock, logger, metrics);
  if (Status status = store->start(); !status.ok()) return fail(status.at("storage"));
  return store;
}

}  // namespace tidemark::storage
