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

}  // namespace
}  // namespace tidemark::storage
