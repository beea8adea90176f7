// Deletes where rollups answer: of days that have nothing else, of days that have both, and of parts of buckets.
#include <set>

#include "tests/storage/rollup_bed.h"

namespace tidemark::storage {
namespace {

constexpr int64_t kSecondMs = 1000;

class RollupDeletes : public ::testing::Test {
 protected:
  // Samples of a, b and c each 30 s, from half a minute into the first day on, for all the days.
  void fill() {
    for (const char* k : {"a", "b", "c"}) {
      std::vector<Sample> samples;
      for (int64_t t_ms = kStartMs + 30 * kSecondMs; t_ms < kStartMs + kDays * kDayMs; t_ms += 30 * kSecondMs) {
        samples.push_back({t_ms, 1});
      }
      bed_.append(k, samples);
    }
  }

  void erase(const std::string& k, int64_t min_ms, int64_t max_ms) {
    const Status status = bed_.store_->delete_samples({{Matcher::equal("k", k)}}, min_ms, max_ms);
    ASSERT_TRUE(status.ok()) << status.message();
  }

  // How many samples the series had in that hour of all days, from rollups or not.
  double count(const std::string& k, int64_t hour, int64_t max_resolution_ms = 0) {
    const int64_t t_ms = kStartMs + (hour + 1) * kHourMs;
    const auto answer = bed_.range("count_over_time(m{k=\"" + k + "\"}[1h])", t_ms, t_ms, kHourMs, max_resolution_ms);
    EXPECT_TRUE(answer);
    return answer->series.empty() ? 0 : answer->series[0].samples[0].v;
  }

  std::set<std::string> series(int64_t min_ms, int64_t max_ms) {
    auto querier = bed_.store_->querier();
    const auto set = (*querier)->select({Matcher::equal(kMetricName, "m")}, min_ms, max_ms, {0, 0, "series"}, true);
    std::set<std::string> out;
    while (set->next()) out.emplace(set->labels().get("k"));
    EXPECT_TRUE(set->status().ok());
    return out;
  }

  std::vector<std::string> values(int64_t min_ms, int64_t max_ms) {
    auto querier = bed_.store_->querier();
    return *(*querier)->label_values("k", {}, min_ms, max_ms, 0);
  }

  Bed bed_;
};

using Names = std::set<std::string>;

TEST_F(RollupDeletes, OfDaysThatHaveNothingElse) {
  for (const bool fine : {true, false}) {
    SCOPED_TRACE(fine ? "5m and 1h" : "1h alone");
    bed_.options_.path = bed_.dir_.file(fine ? "fine" : "coarse");
    bed_.options_.retention_5m_ms = bed_.options_.retention_1h_ms = 0;
    bed_.clock_.set_now_ms(kStartMs);
    bed_.open();
    fill();
    bed_.fold(fine, true);
    bed_.drop_days(kDays);
    ASSERT_EQ(count("a", 30), 120);
    // An hour of the second day of one series.
    erase("a", kStartMs + 30 * kHourMs + 1, kStartMs + 31 * kHourMs);
    EXPECT_EQ(count("a", 29), 120);
    EXPECT_EQ(count("a", 30), 0);
    EXPECT_EQ(count("a", 31), 120);
    EXPECT_EQ(count("a", 30, kHourMs), 0) << "in each tier";
    EXPECT_EQ(count("b", 30), 120);
    EXPECT_EQ(series(kStartMs + 30 * kHourMs + 1, kStartMs + 31 * kHourMs), (Names{"b", "c"}));
    EXPECT_EQ(series(kStartMs + 30 * kHourMs + 1, kStartMs + 32 * kHourMs), (Names{"a", "b", "c"}));
    EXPECT_TRUE(testing::eventually([&] { return bed_.metric("tidemark_storage_tombstones") == 0; }));
    EXPECT_GT(bed_.metric("tidemark_storage_rollup_buckets_deleted_total{tier=\"1h\"}"), 0);
    // All of another; its labels go.
    erase("b", INT64_MIN, INT64_MAX);
    EXPECT_EQ(series(INT64_MIN, INT64_MAX), (Names{"a", "c", "newest"}));
    EXPECT_EQ(values(kStartMs, kStartMs + kDays * kDayMs), (std::vector<std::string>{"a", "c"}));
    EXPECT_TRUE(bed_.range("m{k=\"b\"}", kStartMs, kStartMs + kDays * kDayMs, kHourMs)->series.empty());
    EXPECT_TRUE(testing::eventually([&] { return bed_.metric("tidemark_storage_tombstones") == 0; }));
    // It is in files, not in memory.
    bed_.close();
    bed_.open();
    EXPECT_EQ(count("a", 30), 0);
    EXPECT_EQ(values(kStartMs, kStartMs + kDays * kDayMs), (std::vector<std::string>{"a", "c"}));
  }
}

// A bucket goes when the delete touches what it stands for; where raw samples are left they are folded again.
TEST_F(RollupDeletes, OfAPartOfABucket) {
  fill();
  bed_.fold(true, true);
  // The second day of a still has raw samples: two minutes of a bucket.
  const int64_t from_ms = kStartMs + 30 * kHourMs + 10 * kMinuteMs + 1;
  erase("a", from_ms, from_ms + 2 * kMinuteMs - 1);
  EXPECT_EQ(count("a", 30), 116);
  EXPECT_EQ(count("a", 30, kHourMs), 116) << "not from rollups that are out of date";
  bed_.settle();
  const double selects = bed_.metric("tidemark_storage_rollup_selects_total");
  EXPECT_EQ(count("a", 30, kHourMs), 116);
  EXPECT_EQ(count("a", 30, 5 * kMinuteMs), 116);
  EXPECT_GT(bed_.metric("tidemark_storage_rollup_selects_total"), selects);
  bed_.drop_days(kDays);
  EXPECT_EQ(count("a", 30), 116);
  EXPECT_EQ(count("b", 30), 120);
  // The same once nothing else is left: the whole bucket, of five minutes there, of an hour here.
  erase("b", from_ms, from_ms + 2 * kMinuteMs - 1);
  EXPECT_EQ(count("b", 29), 120);
  EXPECT_EQ(count("b", 30, kHourMs), 0);
  const int64_t end_ms = kStartMs + 30 * kHourMs + 15 * kMinuteMs;
  const auto fine =
      bed_.range("count_over_time(m{k=\"b\"}[5m])", end_ms - 5 * kMinuteMs, end_ms + 5 * kMinuteMs, 5 * kMinuteMs);
  ASSERT_TRUE(fine);
  ASSERT_EQ(fine->series.size(), 1u);
  ASSERT_EQ(fine->series[0].samples.size(), 2u);
  EXPECT_EQ(fine->series[0].samples[0].t_ms, end_ms - 5 * kMinuteMs);
  EXPECT_EQ(fine->series[0].samples[1].t_ms, end_ms + 5 * kMinuteMs);
}

TEST_F(RollupDeletes, ReachFromDaysWithRollupsIntoDaysWithBoth) {
  fill();
  bed_.fold(true, true);
  bed_.drop_days(1);
  // From the first day's last hour, which only rollups have, to the second day's first.
  erase("a", kStartMs + 23 * kHourMs + 1, kStartMs + 25 * kHourMs);
  const auto check = [&](const char* when) {
    SCOPED_TRACE(when);
    for (const int64_t resolution_ms : {int64_t{0}, 5 * kMinuteMs, kHourMs}) {
      EXPECT_EQ(count("a", 22, resolution_ms), 120) << resolution_ms;
      EXPECT_EQ(count("a", 23, resolution_ms), 0) << resolution_ms;
      EXPECT_EQ(count("a", 24, resolution_ms), 0) << resolution_ms;
      EXPECT_EQ(count("a", 25, resolution_ms), 120) << resolution_ms;
    }
  };
  check("at once");
  bed_.settle();
  check("folded again");
  bed_.drop_days(kDays, 1);
  check("nothing but rollups");
}

TEST_F(RollupDeletes, ASeriesDeletedBeforeItsDayIsDroppedShowsOnlyWhereItCameBack) {
  fill();
  bed_.fold(true, true);
  erase("b", INT64_MIN, INT64_MAX);
  bed_.settle();
  // Comes back, late, on the second day.
  bed_.append("b", {{kStartMs + 26 * kHourMs, 5}});
  bed_.close();
  bed_.open();
  bed_.settle();
  bed_.drop_days(kDays);
  EXPECT_EQ(series(kStartMs, kStartMs + kDayMs - 1), (Names{"a", "c"}));
  EXPECT_EQ(series(kStartMs + kDayMs, kStartMs + 2 * kDayMs), (Names{"a", "b", "c"}));
}

}  // namespace
}  // namespace tidemark::storage
