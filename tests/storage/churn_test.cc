// Series that come and go: none is kept for nothing. bench/storage_churn.cc is the same at a fleet's size.
#include "aggregator/storage/keys.h"
#include "aggregator/storage/store_stats.h"
#include "tests/storage/store_fixture.h"
#include "tests/support/eventually.h"

namespace tidemark::storage {
namespace {

constexpr int64_t kMinuteMs = 60'000;
constexpr int kGenerationsADay = 24;  // Each lives an hour, less its last ten minutes.
constexpr int kSeries = 10;           // Alive at a time.

class ChurnTest : public StoreFixture {
 protected:
  ChurnTest() {
    options_.retention_ms = 2 * kWindowMs;
    options_.log_bytes_max = 500;  // Checkpoints all the time.
    clock_.set_now_ms(kFirstMs);
  }

  void one_day(int day) {
    for (int generation = 0; generation < kGenerationsADay; ++generation) {
      for (int minute = 0; minute < 60; minute += 10) {
        const int64_t t_ms = kFirstMs + day * kWindowMs + (generation * 60 + minute) * kMinuteMs;
        clock_.set_now_ms(t_ms);
        Batch batch;
        for (int i = 0; i < kSeries; ++i) {
          const std::string pod = std::to_string((day * kGenerationsADay + generation) * kSeries + i);
          batch.add(kNoRef, Labels{{"__name__", "m"}, {"pod", pod}}, t_ms, minute);
        }
        const auto report = store_->commit(batch);
        ASSERT_TRUE(report);
        ASSERT_EQ(report->accepted(), batch.size());
      }
    }
  }

  static constexpr int64_t kFirstMs = 19'000 * kWindowMs;
};

TEST_F(ChurnTest, MemoryQueriesAndRecordsKnowOnlyWhatIsLeft) {
  open();
  constexpr int kDays = 6;
  for (int day = 0; day < kDays; ++day) {
    one_day(day);
    store_->set_retention(options_.retention_ms, 0);
    // Those idle for an hour leave memory at a checkpoint; another series brings it about.
    int64_t t_ms = clock_.now_ms();
    ASSERT_TRUE(testing::eventually([&] {
      EXPECT_EQ(append(Labels{{"__name__", "other"}}, ++t_ms, 1), Outcome::kAccepted);
      return metric("tidemark_storage_series") <= 3 * kSeries;
    })) << metric("tidemark_storage_series");
  }
  ASSERT_TRUE(testing::eventually([&] { return metric("tidemark_storage_windows_dropped_total") == kDays - 3; }));
  // Five minutes of yesterday: those alive then, and no others are looked for in files.
  const int64_t asked_ms = kFirstMs + (kDays - 2) * kWindowMs + 20 * 60 * kMinuteMs;
  const double before = metric("tidemark_storage_chunk_seeks_total");
  EXPECT_EQ(read({Matcher::equal(kMetricName, "m")}, asked_ms, asked_ms + 5 * kMinuteMs).size(), kSeries + 0u);
  EXPECT_EQ(metric("tidemark_storage_chunk_seeks_total") - before, kSeries);
  close();
  OfflineStore offline;
  offline.path = options_.path;
  const auto stats = read_store_stats(offline, 1, logger_);
  ASSERT_TRUE(stats) << stats.error().message();
  EXPECT_EQ(stats->series, 3u * kGenerationsADay * kSeries + 1);
}

// What one query learned about who was alive when does not hold for what is brought to files later.
TEST_F(ChurnTest, WhoComesToLifeLaterShowsToThoseWhoAskedBefore) {
  options_.retention_ms = 10 * kWindowMs;
  open();
  one_day(0);
  const auto alive_at = [&](int hour) {
    const int64_t asked_ms = kFirstMs + hour * 60 * kMinuteMs;
    return read({Matcher::equal(kMetricName, "m")}, asked_ms, asked_ms + 5 * kMinuteMs).size();
  };
  for (int hour = 0; hour < kGenerationsADay; ++hour) ASSERT_EQ(alive_at(hour), kSeries + 0u) << hour;
  for (int hour = 2; hour < kGenerationsADay; hour += 3) {
    // Pod 7 lived in the first hour.
    ASSERT_EQ(append(Labels{{"__name__", "m"}, {"pod", "7"}}, kFirstMs + hour * 60 * kMinuteMs + 1, 1),
              Outcome::kAccepted);
    const double checkpoints = metric("tidemark_storage_checkpoints_total");
    int64_t t_ms = clock_.now_ms();
    ASSERT_TRUE(testing::eventually([&] {
      append(Labels{{"__name__", "other"}}, ++t_ms, 1);
      return metric("tidemark_storage_checkpoints_total") >= checkpoints + 2;
    }));
    clock_.set_now_ms(t_ms);
    ASSERT_EQ(alive_at(hour), kSeries + 1u) << hour;
    for (int later = hour + 1; later < kGenerationsADay; ++later) ASSERT_EQ(alive_at(later), kSeries + 0u) << later;
  }
}

}  // namespace
}  // namespace tidemark::storage
