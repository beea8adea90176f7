// Bed: a store of its own, with an engine over it, whose days can be folded into rollups and dropped.
#pragma once

#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <memory>
#include <string>
#include <vector>

#include "aggregator/promql/engine.h"
#include "aggregator/storage/keys.h"
#include "tests/storage/store_fixture.h"
#include "tests/support/eventually.h"

namespace tidemark::storage {

inline constexpr int64_t kDayMs = kWindowMs;
inline constexpr int64_t kMinuteMs = 60'000;
inline constexpr int64_t kHourMs = 60 * kMinuteMs;
inline constexpr int64_t kYearMs = 365 * kDayMs;
inline constexpr int64_t kStartMs = 19'000 * kDayMs;
inline constexpr int64_t kDays = 3;

class Bed {
 public:
  Bed() {
    options_.path = dir_.file("data");
    options_.sync = SyncPolicy::kNever;
    options_.shards = 2;
    options_.retention_ms = 100 * kDayMs;
    clock_.set_now_ms(kStartMs);
    open();
  }

  void open() {
    engine_.reset();
    store_.reset();
    registry_ = std::make_unique<prometheus::Registry>();
    auto store = Store::open(options_, clock_, logger_, *registry_);
    ASSERT_TRUE(store) << store.error().message();
    store_ = std::move(*store);
    engine_ = std::make_unique<promql::Engine>(*store_, promql::EngineOptions{}, clock_, *registry_);
  }
  void close() {
    engine_.reset();
    ASSERT_TRUE(store_->close().ok());
    store_.reset();
  }

  // Samples in order of time, of series m{k="..."}.
  void append(const std::string& k, const std::vector<Sample>& samples) {
    const Labels labels{{"__name__", "m"}, {"k", k}};
    Batch batch;
    for (const Sample& sample : samples) {
      if (sample.t_ms > clock_.now_ms()) clock_.set_now_ms(sample.t_ms);
      batch.add(kNoRef, labels, sample.t_ms, sample.v);
    }
    const auto report = store_->commit(batch);
    ASSERT_TRUE(report);
    ASSERT_EQ(report->refused(), 0u);
  }

  // Seals all, makes the days closed ones, and waits until those tiers are made of them.
  void fold(bool fine, bool coarse) {
    close();
    clock_.set_now_ms(kStartMs + (kDays + 2) * kDayMs);
    options_.retention_5m_ms = fine ? kYearMs : 0;
    options_.retention_1h_ms = coarse ? kYearMs : 0;
    open();
    // The newest day in files is never dropped nor folded.
    append("newest", {{clock_.now_ms(), 1}});
    close();
    open();
    settle();
  }
  // Two rounds: one may have been under way.
  void settle() {
    const double before = metric("tidemark_storage_rewrite_rounds_total");
    ASSERT_TRUE(testing::eventually([&] {
      store_->set_rollup_retention(options_.retention_5m_ms, options_.retention_1h_ms);  // Wakes the thread.
      return metric("tidemark_storage_rewrite_rounds_total") >= before + 2;
    }));
    EXPECT_EQ(metric("tidemark_storage_rewrite_days_due"), 0);
  }

  // Raw samples of that many of the days go; of `gone` of them they went before.
  void drop_days(int64_t days, int64_t gone = 0) {
    const double before = metric("tidemark_storage_windows_dropped_total");
    store_->set_retention(clock_.now_ms() - (kStartMs + days * kDayMs), 0);
    ASSERT_TRUE(testing::eventually(
        [&] { return metric("tidemark_storage_windows_dropped_total") == before + static_cast<double>(days - gone); }));
  }

  double metric(const std::string& line_start) {
    const std::string text = "\n" + prometheus::TextSerializer().Serialize(registry_->Collect());
    const size_t at = text.find("\n" + line_start + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + line_start.size() + 2));
  }

  Result<promql::QueryResult> range(const std::string& query, int64_t from_ms, int64_t to_ms, int64_t step_ms,
                                    int64_t max_resolution_ms = 0) {
    promql::QueryOptions options;
    options.max_resolution_ms = max_resolution_ms;
    return engine_->range(query, from_ms, to_ms, step_ms, options);
  }

  testing::TempDir dir_;
  testing::FakeClock clock_;
  testing::MemoryLogger logger_;
  Options options_;
  std::unique_ptr<prometheus::Registry> registry_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<promql::Engine> engine_;
};

}  // namespace tidemark::storage
