// Retention by matcher: what goes when, from samples, labels and rollups, and what stays.
#include <set>

#include "aggregator/storage/store_stats.h"
#include "tests/storage/rollup_bed.h"

namespace tidemark::storage {
namespace {

class SeriesRetentions : public ::testing::Test {
 protected:
  // An hour's sample of a, b and c for each day.
  void fill() {
    for (const char* k : {"a", "b", "c"}) {
      std::vector<Sample> samples;
      for (int64_t t_ms = kStartMs; t_ms < kStartMs + kDays * kDayMs; t_ms += kHourMs) samples.push_back({t_ms, 1});
      bed_.append(k, samples);
    }
  }
  // All in files; the clock stands two days after the last of the three.
  void settle_files() {
    bed_.close();
    bed_.clock_.set_now_ms(kNowMs);
    bed_.open();
    bed_.append("newest", {{kNowMs, 1}});
    bed_.close();
    bed_.open();
  }
  void set_rules(std::vector<RetentionRule> rules) {
    bed_.options_.retention_rules = rules;
    bed_.store_->set_retention_rules(std::move(rules));
    settle();
  }
  // Until nothing is left to be taken out of files.
  void settle() {
    bed_.settle();
    ASSERT_TRUE(testing::eventually([&] { return bed_.metric("tidemark_storage_tombstones") == 0; }));
  }

  static RetentionRule rule(const std::string& k, int64_t days) { return {{Matcher::equal("k", k)}, days * kDayMs}; }

  // On which of the three days the series has samples, as "012".
  std::string days(const std::string& k) {
    std::string out;
    for (int64_t day = 0; day < kDays; ++day) {
      const int64_t end_ms = kStartMs + (day + 1) * kDayMs;
      const auto answer = bed_.range("count_over_time(m{k=\"" + k + "\"}[23h])", end_ms - kHourMs, end_ms - kHourMs, 1);
      EXPECT_TRUE(answer);
      if (!answer->series.empty()) out += std::to_string(day);
    }
    return out;
  }
  std::vector<std::string> values(int64_t day) {
    auto querier = bed_.store_->querier();
    const int64_t from_ms = kStartMs + day * kDayMs;
    return *(*querier)->label_values("k", {}, from_ms, from_ms + kDayMs - 1, 0);
  }

  static constexpr int64_t kNowMs = kStartMs + (kDays + 2) * kDayMs;  // The first day ended four days ago.
  Bed bed_;
};

using Names = std::vector<std::string>;

TEST_F(SeriesRetentions, DaysPastTheFirstRuleThatMatchesLoseTheSeries) {
  fill();
  settle_files();
  set_rules({rule("a", 3), {{Matcher::equal(kMetricName, "m")}, 4 * kDayMs}});
  EXPECT_EQ(days("a"), "2") << "ended two days ago; the day before ended three days ago, which is over";
  EXPECT_EQ(days("b"), "12");
  EXPECT_EQ(days("newest"), "");
  EXPECT_EQ(values(0), Names());
  EXPECT_EQ(values(1), (Names{"b", "c"}));
  EXPECT_EQ(values(2), (Names{"a", "b", "c"}));
  EXPECT_EQ(bed_.metric("tidemark_storage_retention_series_dropped_total"), 4);
  EXPECT_EQ(bed_.metric("tidemark_storage_retention_failures_total"), 0);
  // Done is done.
  const double deletes = bed_.metric("tidemark_storage_deletes_total");
  settle();
  EXPECT_EQ(bed_.metric("tidemark_storage_deletes_total"), deletes);
  // What comes late goes once it is in files.
  bed_.append("a", {{kStartMs + kHourMs, 7}});
  EXPECT_EQ(days("a"), "02");
  bed_.close();
  bed_.open();
  settle();
  EXPECT_EQ(days("a"), "2");
  EXPECT_EQ(values(0), Names());
  // A reload brings nothing back, and nothing more goes.
  set_rules({});
  EXPECT_EQ(days("b"), "12");
}

TEST_F(SeriesRetentions, HidesAtOnceAndOverARestart) {
  fill();
  settle_files();
  bed_.options_.retention_rules = {rule("a", 1)};
  bed_.store_->set_retention_rules(bed_.options_.retention_rules);
  ASSERT_TRUE(testing::eventually([&] { return days("a").empty(); }));
  bed_.open();
  EXPECT_EQ(days("a"), "");
  EXPECT_EQ(days("b"), "012");
  settle();
  EXPECT_EQ(days("a"), "");
  EXPECT_EQ(days("b"), "012");
}

TEST_F(SeriesRetentions, ALongerRuleKeepsItsSeriesAlone) {
  fill();
  settle_files();
  bed_.store_->set_retention(3 * kDayMs, 0);
  set_rules({rule("b", 100)});
  EXPECT_EQ(days("a"), "2");
  EXPECT_EQ(days("b"), "012");
  EXPECT_EQ(values(0), Names{"b"});
  // Late samples of it are taken.
  bed_.append("b", {{kStartMs + 1, 3}});
  set_rules({});
  ASSERT_TRUE(testing::eventually([&] { return days("b") == "2"; }));
}

TEST_F(SeriesRetentions, RollupsGoWithTheirSeries) {
  fill();
  bed_.fold(true, true);
  bed_.drop_days(2);
  ASSERT_EQ(days("a"), "012");
  set_rules({rule("a", 1), rule("b", 3)});
  EXPECT_EQ(days("c"), "012");
  EXPECT_EQ(days("b"), "2");
  EXPECT_EQ(days("a"), "");
  const double dropped = bed_.metric("tidemark_storage_retention_series_dropped_total");
  settle();
  EXPECT_EQ(bed_.metric("tidemark_storage_retention_series_dropped_total"), dropped);
}

TEST_F(SeriesRetentions, RecordsGoWithTheNextDayThatIsDropped) {
  fill();
  settle_files();
  set_rules({rule("a", 1), rule("b", 1)});
  bed_.drop_days(1);
  bed_.close();
  OfflineStore offline;
  offline.path = bed_.options_.path;
  const auto stats = read_store_stats(offline, 1, bed_.logger_);
  ASSERT_TRUE(stats) << stats.error().message();
  EXPECT_EQ(stats->series, 2u) << "c and newest";
}

}  // namespace
}  // namespace tidemark::storage
