// The small parts that operators are made of.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "aggregator/promql/annotations.h"
#include "aggregator/promql/calendar.h"
#include "aggregator/promql/column.h"
#include "aggregator/promql/compensated_sum.h"
#include "aggregator/promql/grid.h"
#include "aggregator/promql/label_sets.h"
#include "aggregator/promql/natural_order.h"
#include "aggregator/promql/quantile.h"
#include "aggregator/promql/select.h"
#include "aggregator/promql/text.h"

namespace tidemark::promql {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

TEST(Presence, WordBoundaries) {
  for (const size_t size : {1U, 63U, 64U, 65U, 128U, 200U}) {
    Presence p(size);
    EXPECT_FALSE(p.any());
    p.fill();
    EXPECT_EQ(p.count(), size);
    p.clear(size - 1);
    EXPECT_EQ(p.count(), size - 1);
    Presence last(size);
    last.set(size - 1);
    EXPECT_FALSE(p.intersects(last));
    last.add(p);
    std::vector<size_t> seen;
    last.for_each([&](size_t i) { seen.push_back(i); });
    ASSERT_EQ(seen.size(), size);
    EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
    EXPECT_EQ(seen.back(), size - 1);
  }
}

TEST(Grid, Between) {
  EXPECT_EQ(grid_between(0, 10, 5).steps, 3U);
  EXPECT_EQ(grid_between(0, 9, 5).steps, 2U);
  EXPECT_EQ(grid_between(0, 9, 5).last_ms(), 5);
  EXPECT_EQ(grid_between(1, 0, 5).steps, 0U);
}

TEST(TimeShift, StopsAtTheEndsOfTime) {
  EXPECT_EQ((TimeShift{std::nullopt, 5}.apply(7)), 2);
  EXPECT_EQ((TimeShift{100, -5}.apply(7)), 105);
  EXPECT_EQ(TimeShift::earlier(-10, std::numeric_limits<int64_t>::max()), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(TimeShift::earlier(10, std::numeric_limits<int64_t>::min()), std::numeric_limits<int64_t>::max());
}

TEST(CompensatedSum, KeepsWhatRoundingTakes) {
  CompensatedSum sum;
  for (const double x : {1.0, 1e100, 1.0, -1e100}) sum.add(x);
  EXPECT_EQ(sum.value(), 2);
  sum.add(kInf);
  sum.add(1);
  EXPECT_EQ(sum.value(), kInf);
}

TEST(CompensatedMean, SurvivesOverflow) {
  CompensatedMean mean(1.5e308);
  for (int i = 0; i < 9; ++i) mean.add(1.5e308);
  EXPECT_DOUBLE_EQ(mean.value(), 1.5e308);
}

TEST(Quantile, AgreesWithSorting) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<double> values(1 + random() % 20);
    for (double& v : values) v = random() % 10 == 0 ? kNaN : static_cast<double>(random() % 8);
    const double q = static_cast<double>(random() % 101) / 100;
    std::vector<double> sorted = values;
    std::sort(sorted.begin(), sorted.end(), [](double a, double b) { return std::isnan(a) ? !std::isnan(b) : a < b; });
    const double rank = q * static_cast<double>(sorted.size() - 1);
    const auto low = static_cast<size_t>(rank);
    const size_t high = std::min(low + 1, sorted.size() - 1);
    const double weight = rank - std::floor(rank);
    const double want = sorted[low] * (1 - weight) + sorted[high] * weight;
    const double got = quantile(q, values);
    EXPECT_TRUE(got == want || (std::isnan(got) && std::isnan(want))) << got << " is not " << want;
  }
  EXPECT_TRUE(std::isnan(quantile(0.5, {})));
}

TEST(BucketQuantile, Cases) {
  struct Case {
    double q;
    std::vector<Bucket> buckets;
    double want;
    bool forced = false;
  };
  const Case cases[] = {
      {0.5, {{1, 10}, {2, 20}, {kInf, 20}}, 1},
      {0.75, {{1, 10}, {2, 20}, {kInf, 20}}, 1.5},
      {0, {{1, 10}, {kInf, 20}}, 0},
      {1, {{1, 10}, {2, 10}, {kInf, 20}}, 2},
      {0.5, {{-1, 10}, {kInf, 10}}, -1},
      {0.5, {{1, 10}, {2, 20}}, kNaN},
      {0.5, {{kInf, 20}}, kNaN},
      {0.5, {{1, 0}, {kInf, 0}}, kNaN},
      {0.25, {{1, 5}, {1, 5}, {kInf, 20}}, 0.5},
      {0.5, {{1, 10}, {2, 4}, {kInf, 20}}, 1, true},
      {0.5, {{1, 10}, {2, 10 - 1e-13}, {kInf, 20}}, 1, false},
  };
  for (const Case& c : cases) {
    std::vector<Bucket> buckets = c.buckets;
    const BucketQuantile got = bucket_quantile(c.q, buckets);
    EXPECT_TRUE(got.value == c.want || (std::isnan(got.value) && std::isnan(c.want))) << got.value << " " << c.want;
    EXPECT_EQ(got.forced_monotonic, c.forced);
  }
}

TEST(Calendar, KnownDays) {
  EXPECT_EQ(rfc3339_seconds(1'709'251'198'999), "2024-02-29T23:59:58Z");
  EXPECT_EQ(rfc3339_seconds(-1), "1969-12-31T23:59:59Z");
  EXPECT_EQ(calendar_function("no such"), nullptr);
  for (const char* name : {"year", "month", "day_of_month", "day_of_week", "day_of_year", "days_in_month", "hour"}) {
    for (const double s : {kNaN, kInf, -kInf, 1e300, -1e300, 9.3e18}) calendar_function(name)(s);
  }
  // What no calendar means gets what a real Prometheus answers.
  for (const double s : {kNaN, kInf, -kInf, 1e300}) {
    EXPECT_EQ(calendar_function("month")(s), 12);
    EXPECT_EQ(calendar_function("day_of_year")(s), 339);
    EXPECT_EQ(calendar_function("minute")(s), 30);
  }
  // Each of the 400 years of the calendar's cycle adds up.
  const auto day_of_year = calendar_function("day_of_year");
  const auto year = calendar_function("year");
  double previous = day_of_year(0);
  int new_years = 0;
  for (double day = 1; day <= 146'097; ++day) {
    const double d = day_of_year(day * 86'400);
    if (d == 1) ++new_years;
    ASSERT_TRUE(d == previous + 1 || d == 1);
    previous = d;
  }
  EXPECT_EQ(new_years, 400);
  EXPECT_EQ(year(146'097.0 * 86'400), 2370);
}

TEST(NaturalOrder, Cases) {
  EXPECT_TRUE(natural_less("cpu9", "cpu10"));
  EXPECT_FALSE(natural_less("cpu10", "cpu9"));
  EXPECT_TRUE(natural_less("a", "b"));
  EXPECT_TRUE(natural_less("", "a"));
  EXPECT_TRUE(natural_less("v1.9", "v1.10"));
  EXPECT_FALSE(natural_less("a01", "a1"));
  EXPECT_FALSE(natural_less("a1", "a01"));
  EXPECT_TRUE(natural_less("a0", "a1"));
  EXPECT_TRUE(natural_less("a1b", "a01c"));
}

TEST(NaturalOrder, ComparesWholeChunks) {
  EXPECT_TRUE(natural_less("node1:9100", "node.local:9100"));
  EXPECT_FALSE(natural_less("node.local:9100", "node1:9100"));
  EXPECT_TRUE(natural_less("a1", "a1b"));
  EXPECT_TRUE(natural_less("100000000000000000000", "99999999999999999999")) << "text, where it is no number";
  EXPECT_TRUE(natural_less("9223372036854775806", "9223372036854775807"));
  EXPECT_TRUE(natural_less("9223372036854775807", "9223372036854775808"));
  EXPECT_TRUE(natural_less("9", "100000000000000000000"));
  EXPECT_TRUE(natural_less("00000000000000000000001", "2"));
}

TEST(LabelSets, KeepAndDrop) {
  const Labels labels{{"__name__", "m"}, {"a", "1"}, {"b", "2"}, {"c", "3"}};
  const std::vector<std::string> names = sorted_names({"c", "a", "zz", "a"});
  std::string encoded;
  keep_labels(labels, names, encoded);
  EXPECT_EQ(Labels(LabelsView(encoded)), (Labels{{"a", "1"}, {"c", "3"}}));
  drop_labels(labels, names, encoded);
  EXPECT_EQ(Labels(LabelsView(encoded)), (Labels{{"__name__", "m"}, {"b", "2"}}));
  EXPECT_EQ(without_metadata(labels), (Labels{{"a", "1"}, {"b", "2"}, {"c", "3"}}));
}

TEST(Text, General) {
  EXPECT_EQ(general(2), "2");
  EXPECT_EQ(general(1.5), "1.5");
  EXPECT_EQ(general(-0.0001), "-0.0001");
  EXPECT_EQ(general(1e-5), "1e-05");
  EXPECT_EQ(general(1e6), "1e+06");
  EXPECT_EQ(general(kNaN), "NaN");
  EXPECT_EQ(general(-kInf), "-Inf");
}

TEST(Annotations, PositionsAndDuplicates) {
  const std::string query = "sum(\n  x)";
  Annotations annotations;
  annotations.warn("careful", 0);
  annotations.warn("careful", 7);
  annotations.info("by the way", 4);
  EXPECT_EQ(annotations.warnings(query), std::vector<std::string>{"PromQL warning: careful (2:3)"});
  EXPECT_EQ(annotations.infos(query), std::vector<std::string>{"PromQL info: by the way (1:5)"});
}

}  // namespace
}  // namespace tidemark::promql
