// After a failed write: the store refuses samples, goes on answering, opens its files again by itself, and takes
// samples again, with all that it ever acknowledged.
#include <atomic>
#include <thread>

#include "tests/storage/fault_fixture.h"
#include "tests/support/eventually.h"

namespace tidemark::storage {
namespace {

using testing::eventually;
using testing::FaultFs;

class ReopenTest : public FaultFixture {
 protected:
  ReopenTest() { options_.reopen_after_ms = 5; }

  // Commits batch b as often as it takes.
  bool commit_at_last(uint64_t b) {
    return eventually([&] { return commit_batch(b); });
  }
};

TEST_F(ReopenTest, AfterAFailedLogWriteItOpensAgainAndHasAllThatWasAcknowledged) {
  open();
  uint64_t b = 0;
  for (; b < 20; ++b) ASSERT_TRUE(commit_batch(b));
  for (const auto error : {FaultFs::Error::kIo, FaultFs::Error::kNoSpace}) {
    fs_->fail({1, false, error, FaultFs::kAppend, ".log"});
    EXPECT_FALSE(commit_batch(b));
    EXPECT_TRUE(logger_.contains("storage is read-only"));
    ASSERT_TRUE(commit_at_last(b));
    ++b;
    expect_same_content(read_all(), content_of_batches(b));
    EXPECT_EQ(metric("tidemark_storage_read_only"), 0);
    EXPECT_EQ(metric("tidemark_storage_read_only_reason{reason=\"failed_write\"}"), 0);
  }
  EXPECT_GE(metric("tidemark_storage_reopens_total"), 2);
  close();
  open();
  expect_same_content(read_all(), content_of_batches(b));
}

TEST_F(ReopenTest, ACommitThatFailedSaysThatTheStoreIsReadOnlyAndWhy) {
  options_.reopen_after_ms = 3'600'000;
  open();
  ASSERT_TRUE(commit_batch(0));
  fs_->fail({1, false, FaultFs::Error::kIo, FaultFs::kAppend, ".log"});
  EXPECT_FALSE(commit_batch(1));
  Batch batch;
  fill_batch(1, batch);
  const auto refused = store_->commit(batch);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kReadOnly);
  EXPECT_NE(refused.error().message().find("made to fail"), std::string::npos) << refused.error().message();
  EXPECT_EQ(metric("tidemark_storage_read_only"), 1);
  EXPECT_EQ(metric("tidemark_storage_read_only_reason{reason=\"failed_write\"}"), 1);
  expect_same_content(read_all(), content_of_batches(1));
}

// A late sample asks the files. When they do not answer, what its commit did cannot be told, and is never shown.
TEST_F(ReopenTest, AFailedReadForALateSampleIsAFailedCommit) {
  open();
  for (uint64_t b = 0; b < 3; ++b) ASSERT_TRUE(commit_batch(b));
  close();
  open();
  ASSERT_TRUE(commit_batch(3));  // Looks up series, and no samples.
  Batch late;
  late.add(kNoRef, numbered_series(0), time_of_batch(0) - 1, 1);
  late.add(kNoRef, numbered_series(0), time_of_batch(9), 1);
  fs_->fail_reads(true);
  EXPECT_FALSE(store_->commit(late));
  fs_->fail_reads(false);
  ASSERT_TRUE(commit_at_last(4));
  expect_same_content(read_all(), content_of_batches(5));
  EXPECT_EQ(metric("tidemark_storage_reopens_total"), 1);
}

TEST_F(ReopenTest, WhileTheDiskFailsItAnswersAndTriesAgain) {
  open();
  for (uint64_t b = 0; b < 10; ++b) ASSERT_TRUE(commit_batch(b));
  fs_->fail({1, true, FaultFs::Error::kIo});
  EXPECT_FALSE(commit_batch(10));
  EXPECT_TRUE(eventually([&] { return metric("tidemark_storage_reopen_failures_total") >= 3; }));
  EXPECT_EQ(metric("tidemark_storage_read_only"), 1);
  // In between it is closed for a moment, and says so.
  EXPECT_TRUE(eventually([&] {
    auto querier = store_->querier();
    if (!querier) {
      EXPECT_EQ(querier.error().code(), Code::kUnavailable);
      return false;
    }
    const auto set = (*querier)->select({Matcher::equal(kMetricName, "ledger")}, INT64_MIN, INT64_MAX, {}, false);
    expect_same_content(read_set(*set), content_of_batches(10));
    return true;
  }));
  EXPECT_FALSE(store_->write_state({{"key", "value"}}).ok());
  fs_->heal();
  ASSERT_TRUE(commit_at_last(10));
  EXPECT_TRUE(store_->write_state({{"key", "value"}}).ok());
  expect_same_content(read_all(), content_of_batches(11));
}

TEST_F(ReopenTest, AQueryKeepsItsAnswerWhileTheStoreWaitsToOpenAgain) {
  open();
  for (uint64_t b = 0; b < 10; ++b) ASSERT_TRUE(commit_batch(b));
  auto querier = store_->querier();
  ASSERT_TRUE(querier);
  auto set = (*querier)->select({Matcher::equal(kMetricName, "ledger")}, INT64_MIN, INT64_MAX, {}, false);
  fs_->fail({1, false, FaultFs::Error::kIo, FaultFs::kAppend, ".log"});
  EXPECT_FALSE(commit_batch(10));
  EXPECT_TRUE(eventually([&] { return !store_->querier(); })) << "it waits for the query above";
  expect_same_content(read_set(*set), content_of_batches(10));
  EXPECT_EQ(metric("tidemark_storage_reopens_total"), 0);
  set.reset();
  querier->reset();
  ASSERT_TRUE(commit_at_last(10));
  EXPECT_EQ(metric("tidemark_storage_reopens_total"), 1);
}

// A ref from before may name a series whose record was lost: it must never lead to another one.
TEST_F(ReopenTest, RefsFromBeforeNameTheSameSeriesOrNone) {
  open();
  ASSERT_TRUE(commit_batch(0));
  Batch lost;
  lost.add(kNoRef, Labels{{"__name__", "lost"}}, clock_.now_ms(), 1);
  fs_->fail({1, false, FaultFs::Error::kIo, FaultFs::kAppend, ".log"});
  ASSERT_FALSE(store_->commit(lost));
  ASSERT_TRUE(commit_at_last(1));
  Batch other;
  other.add(kNoRef, Labels{{"__name__", "other"}}, clock_.now_ms(), 2);
  ASSERT_TRUE(store_->commit(other));
  Batch again;
  again.add(lost.ref(0), Labels(), clock_.now_ms() + 1, 3);
  ASSERT_TRUE(store_->commit(again));
  EXPECT_EQ(again.outcome(0), Outcome::kUnknownRef);
  EXPECT_EQ(read({Matcher::equal(kMetricName, "other")}).begin()->second.size(), 1u);
}

TEST_F(ReopenTest, CommitsAndQueriesFromManyThreadsSurviveFailuresAtAnyTime) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  options_.future_tolerance_ms = int64_t{365} * 86'400'000;
  options_.log_bytes_max = 20'000;
  open();
  ASSERT_TRUE(commit_batch(0));
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  std::array<std::atomic<int64_t>, 2> acknowledged{};
  for (size_t i = 0; i < acknowledged.size(); ++i) {
    threads.emplace_back([&, i] {
      while (!stop) {
        Batch batch;
        batch.add(kNoRef, Labels{{"__name__", "m"}, {"writer", std::to_string(i)}}, kFirstBatchMs + acknowledged[i], 1);
        if (store_->commit(batch)) ++acknowledged[i];
      }
    });
  }
  threads.emplace_back([&] {
    while (!stop) {
      auto querier = store_->querier();
      if (!querier) continue;
      auto set = (*querier)->select({Matcher::equal(kMetricName, "m")}, INT64_MIN, INT64_MAX, {}, false);
      while (set->next()) {
      }
    }
  });
  for (int i = 0; i < rounds(10); ++i) {
    const double before = metric("tidemark_storage_reopens_total");
    // A file that cannot be deleted is no reason.
    fs_->fail({1 + random_() % 40, false, FaultFs::Error::kIo, FaultFs::kAnyChange & ~FaultFs::kDelete});
    EXPECT_TRUE(eventually([&] { return fs_->failed(); }));
    EXPECT_TRUE(eventually([&] {
      return metric("tidemark_storage_reopens_total") > before && metric("tidemark_storage_read_only") == 0;
    })) << "round "
        << i;
    fs_->heal();
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  const Content found = read({Matcher::equal(kMetricName, "m")});
  for (size_t i = 0; i < acknowledged.size(); ++i) {
    const auto column = found.find(Labels{{"__name__", "m"}, {"writer", std::to_string(i)}}.to_string());
    ASSERT_NE(column, found.end());
    // The last one may have failed and be there.
    const auto stored = static_cast<int64_t>(column->second.size());
    EXPECT_TRUE(stored == acknowledged[i] || stored == acknowledged[i] + 1) << stored << " " << acknowledged[i];
  }
}

}  // namespace
}  // namespace tidemark::storage
