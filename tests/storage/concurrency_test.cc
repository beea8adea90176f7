// Many writers and readers at once, with checkpoints in between: no reader ever sees a batch in part.
#include <atomic>
#include <thread>

#include "tests/storage/store_fixture.h"

namespace tidemark::storage {
namespace {

constexpr int kWriters = 3;
constexpr int kSeries = 30;
constexpr int kBatches = 150;

class ConcurrencyTest : public StoreFixture {
 protected:
  static Labels labels(int writer, int i) {
    return Labels{{"__name__", "m"}, {"i", std::to_string(i)}, {"writer", std::to_string(writer)}};
  }
};

TEST_F(ConcurrencyTest, ReadersSeeBatchesWhole) {
  // Chunks seal all the time, by midnight while a checkpoint is under way and by the budget within one.
  constexpr int64_t kStepMs = 8 * 3'600'000;
  options_.log_bytes_max = 4000;
  options_.head_bytes_min = 2000;
  options_.head_bytes_per_series = 20;
  options_.retention_ms = 2 * kBatches * kStepMs;
  open();
  std::atomic<int> running{kWriters};
  const int64_t start_ms = clock_.now_ms() - kBatches * kStepMs;
  std::vector<std::thread> threads;
  for (int w = 0; w < kWriters; ++w) {
    threads.emplace_back([&, w] {
      for (int b = 0; b < kBatches; ++b) {
        Batch batch;
        for (int i = 0; i < kSeries; ++i) batch.add(kNoRef, labels(w, i), start_ms + b * kStepMs, b);
        const auto report = store_->commit(batch);
        ASSERT_TRUE(report);
        ASSERT_EQ(report->accepted(), static_cast<size_t>(kSeries));
      }
      --running;
    });
  }
  size_t reads = 0;
  while (running > 0) {
    for (int w = 0; w < kWriters; ++w) {
      const Content content = read({Matcher::equal("writer", std::to_string(w))});
      size_t length = SIZE_MAX;
      for (const auto& [series, column] : content) {
        if (length == SIZE_MAX) length = column.size();
        ASSERT_EQ(column.size(), length) << series;
      }
      if (!content.empty()) {
        ASSERT_EQ(content.size(), static_cast<size_t>(kSeries));
      }
      ++reads;
    }
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(reads, 0u);
  for (const auto& [series, column] : read_all()) EXPECT_EQ(column.size(), static_cast<size_t>(kBatches)) << series;
}

// All writers write the same series: whoever comes first has the sample, and the log replays to the same.
TEST_F(ConcurrencyTest, WritersOfOneSeriesAgreeWithTheLog) {
  options_.log_bytes_max = 2000;
  open();
  std::atomic<size_t> accepted{0};
  const int64_t start_ms = clock_.now_ms();
  std::vector<std::thread> threads;
  for (int w = 0; w < kWriters; ++w) {
    threads.emplace_back([&] {
      for (int b = 0; b < kBatches; ++b) {
        Batch batch;
        for (int i = 0; i < 4; ++i) batch.add(kNoRef, labels(0, i), start_ms + b, b);
        const auto report = store_->commit(batch);
        ASSERT_TRUE(report);
        accepted += report->accepted();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const Content before = read_all();
  size_t stored = 0;
  for (const auto& [series, column] : before) stored += column.size();
  EXPECT_EQ(stored, accepted);
  drop();
  open();
  EXPECT_EQ(read_all(), before);
}

}  // namespace
}  // namespace tidemark::storage
