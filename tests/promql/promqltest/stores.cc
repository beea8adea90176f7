#include "tests/promql/promqltest/stores.h"

#include <fmt/format.h>
#include <prometheus/registry.h>

#include <string>
#include <utility>

#include "aggregator/storage/store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_logger.h"
#include "tests/support/memory_store.h"
#include "tests/support/temp_dir.h"

namespace tidemark::promqltest {
namespace {

Status commit_all(storage::Appender& appender, storage::Batch& batch) {
  if (batch.empty()) return {};
  const auto report = appender.commit(batch);
  if (!report) return report.error();
  for (size_t i = 0; i < batch.size(); ++i) {
    if (batch.outcome(i) <= storage::Outcome::kDuplicate) continue;
    return Status::execution(fmt::format("{} at {} ms was not stored: {}", batch.labels(i).to_string(), batch.t_ms(i),
                                         storage::outcome_name(batch.outcome(i))));
  }
  return {};
}

class InMemory final : public ScriptStore {
 public:
  Result<std::unique_ptr<storage::Querier>> querier() override { return store_.querier(); }
  Status clear() override {
    store_.clear();
    return {};
  }
  Status load(storage::Batch& batch) override { return commit_all(store_, batch); }

 private:
  testing::MemoryStore store_;
};

// Scripts live at the beginning of 1970; the clock stands where all they load is recent enough to be kept.
class OnDisk final : public ScriptStore {
 public:
  explicit OnDisk(bool reopen) : reopen_(reopen) {}

  Result<std::unique_ptr<storage::Querier>> querier() override {
    if (reopen_ && loaded_) {
      if (Status status = store_->close(); !status.ok()) return fail(std::move(status));
      if (Status status = open(); !status.ok()) return fail(std::move(status));
      loaded_ = false;
    }
    return store_->querier();
  }
  Status clear() override {
    store_.reset();
    dir_.emplace();
    loaded_ = false;
    return open();
  }
  Status load(storage::Batch& batch) override {
    loaded_ = true;
    return commit_all(*store_, batch);
  }

 private:
  static constexpr int64_t kNowMs = int64_t{40} * 86'400'000;

  Status open() {
    store_.reset();
    registry_ = std::make_unique<prometheus::Registry>();
    storage::Options options;
    options.path = dir_->file("data");
    options.sync = storage::SyncPolicy::kNever;
    options.retention_ms = kNowMs * 2;
    options.shards = 2;
    auto store = storage::Store::open(options, clock_, logger_, *registry_);
    if (!store) return store.error();
    store_ = std::move(*store);
    return {};
  }

  const bool reopen_;
  bool loaded_ = false;
  std::optional<testing::TempDir> dir_;
  testing::FakeClock clock_{kNowMs};
  testing::MemoryLogger logger_;
  std::unique_ptr<prometheus::Registry> registry_;
  std::unique_ptr<storage::Store> store_;
};

}  // namespace

std::optional<StoreKind> store_kind_of(std::string_view name) {
  if (name == "memory") return StoreKind::kMemory;
  if (name == "head") return StoreKind::kHead;
  if (name == "files") return StoreKind::kFiles;
  return {};
}

Result<std::unique_ptr<ScriptStore>> make_script_store(StoreKind kind) {
  std::unique_ptr<ScriptStore> store;
  if (kind == StoreKind::kMemory) {
    store = std::make_unique<InMemory>();
  } else {
    store = std::make_unique<OnDisk>(kind == StoreKind::kFiles);
  }
  if (Status status = store->clear(); !status.ok()) return fail(std::move(status));
  return store;
}

}  // namespace tidemark::promqltest
