// Retention of whole days, by time and by size, and what it does when the clock is wrong. By matcher:
// series_retention_test.cc; of rollups: rollup_test.cc.
#include "aggregator/storage/store.h"
#include "tests/storage/store_fixture.h"
#include "tests/support/eventually.h"

namespace tidemark::storage {
namespace {

using testing::eventually;

class RetentionTest : public StoreFixture {
 protected:
  static Labels cpu(int i) { return Labels{{"__name__", "cpu"}, {"instance", std::to_string(i)}, {"job", "node"}}; }
  static uint64_t bits(double v) { return std::bit_cast<uint64_t>(v); }
};

TEST_F(RetentionTest, DropsWholeDaysWithTheirSeries) {
  options_.retention_ms = 10 * 86'400'000LL;
  open();
  const int64_t day = 86'400'000;
  const int64_t today = clock_.now_ms() / day * day;
  append(cpu(1), today - 5 * day, 1);
  append(cpu(2), today - 5 * day, 1);
  append(cpu(2), today, 2);
  close();
  open();
  EXPECT_EQ(read_all().size(), 2u);
  store_->set_retention(2 * day, 0);
  ASSERT_TRUE(eventually([&] { return metric("tidemark_storage_windows_dropped_total") == 1; }));
  EXPECT_EQ(read_all(), (Content{{cpu(2).to_string(), {{today, bits(2)}}}}));
  store_->set_retention(10 * day, 0);
  EXPECT_EQ(append(cpu(3), today - 5 * day, 1), Outcome::kTooOld) << "what is dropped does not come back";
  // Its record is gone: it starts anew, with a new id.
  const double created = metric("tidemark_storage_series_created_total");
  EXPECT_EQ(append(cpu(1), today, 3), Outcome::kAccepted);
  EXPECT_EQ(metric("tidemark_storage_series_created_total"), created + 1);
  close();
  open();
  EXPECT_EQ(append(cpu(3), today - 5 * day, 1), Outcome::kTooOld) << "not after a restart either";
  EXPECT_EQ(read_all().size(), 2u);
}

// RocksDB's snapshots do not hold files that retention drops.
TEST_F(RetentionTest, WhoReadsADayReadsItToItsEndThoughRetentionDropsIt) {
  options_.retention_ms = 10 * 86'400'000LL;
  open();
  const int64_t day = 86'400'000;
  const int64_t today = clock_.now_ms() / day * day;
  append(cpu(1), today - 5 * day, 1);
  append(cpu(2), today, 2);
  close();
  open();
  const Content all = read_all();
  auto querier = store_->querier();
  ASSERT_TRUE(querier);
  const auto set = (*querier)->select({*Matcher::make(MatchOp::kRegex, kMetricName, ".+")}, 0, INT64_MAX, {}, false);
  store_->set_retention(2 * day, 0);
  ASSERT_TRUE(eventually([&] { return !read_all().contains(cpu(1).to_string()); }))
      << "who comes later does not see it";
  EXPECT_EQ(read_set(*set), all);
  EXPECT_EQ(metric("tidemark_storage_windows_dropped_total"), 0);
  querier->reset();
  ASSERT_TRUE(eventually([&] { return metric("tidemark_storage_windows_dropped_total") == 1; }));
}

TEST_F(RetentionTest, BySizeDropsTheOldestDaysButNeverTheNewest) {
  open();
  const int64_t day = 86'400'000;
  const int64_t today = clock_.now_ms() / day * day;
  for (int d = 4; d >= 0; --d) append(cpu(1), today - d * day, d);
  close();
  open();
  store_->set_retention(15 * day, 1);
  ASSERT_TRUE(eventually([&] { return metric("tidemark_storage_windows_dropped_total") == 4; }));
  EXPECT_EQ(read_all().at(cpu(1).to_string()), (Column{{today, bits(0)}}));
}

TEST_F(RetentionTest, AClockThatJumpsLosesNothingThatIsThere) {
  const int64_t day = 86'400'000;
  options_.retention_ms = 10 * day;
  open();
  const int64_t now = clock_.now_ms();
  append(cpu(1), now - 5 * day, 1);
  append(cpu(2), now, 2);
  close();
  open();
  append(cpu(1), now, 3);  // In memory.
  const Content all = read_all();
  const auto too_old = [&] { return metric("tidemark_storage_samples_refused_total{reason=\"too_old\"}"); };
  const auto too_new = [&] { return metric("tidemark_storage_samples_refused_total{reason=\"too_new\"}"); };
  // Two rounds of the work on the past: one may have been under way.
  const auto settle = [&] {
    const double before = metric("tidemark_storage_rewrite_rounds_total");
    ASSERT_TRUE(eventually([&] {
      store_->set_retention(options_.retention_ms, 0);
      return metric("tidemark_storage_rewrite_rounds_total") >= before + 2;
    }));
  };

  clock_.set_now_ms(now + 400 * day);
  settle();
  EXPECT_EQ(read_all(), all);
  EXPECT_EQ(append(cpu(2), now + 1, 4), Outcome::kTooOld) << "a sender whose clock is right";
  EXPECT_EQ(too_old(), 1);
  close();
  open();
  settle();
  EXPECT_EQ(read_all(), all) << "over a restart";

  clock_.set_now_ms(now - 400 * day);
  settle();
  EXPECT_EQ(append(cpu(2), now + 1, 4), Outcome::kTooNew);
  EXPECT_EQ(too_new(), 1);
  EXPECT_EQ(append(cpu(2), now - 400 * day, 5), Outcome::kAccepted) << "a sender whose clock jumped, too";
  EXPECT_EQ(read_all().at(cpu(2).to_string()), (Column{{now - 400 * day, bits(5)}, {now, bits(2)}}));
  close();
  open();

  // Right again: all goes on, and what was stamped by the wrong clock goes with its day.
  clock_.set_now_ms(now + 1);
  EXPECT_EQ(append(cpu(2), now + 1, 4), Outcome::kAccepted);
  settle();
  Content right = all;
  right[cpu(2).to_string()][now + 1] = bits(4);
  EXPECT_EQ(read_all(), right);
  EXPECT_EQ(append(cpu(2), now - 5 * day, 6), Outcome::kAccepted) << "and within retention anything is taken";
}

}  // namespace
}  // namespace tidemark::storage
