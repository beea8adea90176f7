// Rollups as queries see them: for random data, every function that has a column answers over them what it answers over
// raw samples, when times and ranges are multiples of the resolution; otherwise it errs by less than a bucket. And how
// they are made: late samples, retention, restarts in between.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <functional>
#include <random>

#include "tests/storage/damage.h"
#include "tests/storage/rollup_bed.h"

namespace tidemark::storage {
namespace {

std::map<std::string, std::vector<Sample>> random_data(std::mt19937_64& random) {
  using Next = std::function<double(double)>;
  const std::map<std::string, Next> kinds = {
      {"counter",
       [&](double v) {
         return random() % 400 == 0 ? static_cast<double>(random() % 5) : v + static_cast<double>(random() % 30);
       }},
      {"resetting", [&](double v) { return random() % 6 == 0 ? 0 : v + static_cast<double>(random() % 30); }},
      {"gauge", [&](double) { return static_cast<double>(static_cast<int64_t>(random() % 2'000) - 1'000) / 100; }},
      {"noise", [&](double v) { return v + std::normal_distribution<double>(0, 1)(random); }},
      {"constant", [](double) { return 7.25; }},
      {"odd",
       [&](double) {
         switch (random() % 12) {
           case 0:
             return std::numeric_limits<double>::infinity();
           case 1:
             return -0.0;
           case 2:
             return normal_nan();
           default:
             return static_cast<double>(random() % 10);
         }
       }},
  };
  std::map<std::string, std::vector<Sample>> data;
  for (const auto& [kind, next] : kinds) {
    for (const int64_t jitter_ms : {0, 4'000}) {
      std::vector<Sample>& samples = data[kind + (jitter_ms == 0 ? "" : "_jitter")];
      // Some on the borders of buckets, some not.
      int64_t t_ms = kStartMs + (random() % 2 == 0 ? 0 : 7'000);
      double v = 0;
      int64_t last_ms = t_ms - 1;
      while (t_ms < kStartMs + kDays * kDayMs) {
        v = next(std::isfinite(v) ? v : 0);
        const int64_t at_ms =
            std::max(last_ms + 1, t_ms + (jitter_ms == 0 ? 0 : static_cast<int64_t>(random()) % jitter_ms));
        last_ms = at_ms;
        samples.push_back({at_ms, random() % 300 == 0 ? stale_nan() : v});
        t_ms += 30'000;
        // Gaps: behind a staleness marker or without one.
        if (random() % 500 == 0) {
          if (random() % 2 == 0) samples.push_back({last_ms += 10, stale_nan()});
          t_ms += static_cast<int64_t>(random() % 10'000) * 1'000 / 30'000 * 30'000;
        }
      }
    }
  }
  return data;
}

void fill(Bed& bed, const std::map<std::string, std::vector<Sample>>& data) {
  for (const auto& [k, samples] : data) bed.append(k, samples);
}

bool close_to(double a, double b, double magnitude) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (a == b) return true;
  return std::fabs(a - b) <= 1e-9 * std::max({magnitude, std::fabs(a), std::fabs(b)});
}

void expect_same(const Result<promql::QueryResult>& got, const Result<promql::QueryResult>& want,
                 const std::string& what) {
  SCOPED_TRACE(what);
  ASSERT_TRUE(got) << got.error().message();
  ASSERT_TRUE(want) << want.error().message();
  ASSERT_EQ(got->series.size(), want->series.size());
  EXPECT_TRUE(!want->series.empty() || what.starts_with("absent"));
  for (size_t i = 0; i < got->series.size(); ++i) {
    ASSERT_EQ(got->series[i].labels, want->series[i].labels);
    SCOPED_TRACE(got->series[i].labels.view().to_string());
    const auto& a = got->series[i].samples;
    const auto& b = want->series[i].samples;
    ASSERT_EQ(a.size(), b.size());
    for (size_t s = 0; s < a.size(); ++s) {
      ASSERT_EQ(a[s].t_ms, b[s].t_ms);
      ASSERT_TRUE(close_to(a[s].v, b[s].v, 1))
          << "at +" << (a[s].t_ms - kStartMs) / kMinuteMs << " min: " << a[s].v << " instead of " << b[s].v;
    }
  }
}

const char* const kExact[] = {
    "avg_over_time(m[R])",
    "count_over_time(m[R])",
    "delta(m[R])",
    "first_over_time(m[R])",
    "increase(m[R])",
    "last_over_time(m[R])",
    "max_over_time(m[R])",
    "min_over_time(m[R])",
    "present_over_time(m[R])",
    "rate(m[R])",
    "resets(m[R])",
    "sum_over_time(m[R])",
    "absent_over_time(m{k=\"gauge\"}[R])",
    "m",
    "sum(m)",
    "timestamp(m)",
    "rate(m[R] offset 2h)",
    "max_over_time(rate(m[R])[4h:1h])",
};

std::string with_range(std::string query, const std::string& range) {
  for (size_t at; (at = query.find("[R]")) != std::string::npos;) query.replace(at + 1, 1, range);
  return query;
}

class Rollups : public ::testing::Test {
 protected:
  void compare(Bed& rolled, Bed& raw, int64_t step_ms, const std::vector<std::string>& ranges,
               int64_t max_resolution_ms = 0) {
    const int64_t from_ms = kStartMs;
    const int64_t to_ms = kStartMs + kDays * kDayMs + 2 * kHourMs;
    for (const char* query : kExact) {
      for (const std::string& range : ranges) {
        const std::string text = with_range(query, range);
        expect_same(rolled.range(text, from_ms, to_ms, step_ms, max_resolution_ms),
                    raw.range(text, from_ms, to_ms, step_ms), text);
        if (HasFatalFailure()) return;
      }
    }
  }

  const unsigned seed_ = std::random_device{}();
  std::mt19937_64 random_{seed_};
};

TEST_F(Rollups, AnswerAsRawSamplesDo) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  const auto data = random_data(random_);
  Bed raw;
  fill(raw, data);
  {
    SCOPED_TRACE("5m");
    Bed rolled;
    fill(rolled, data);
    rolled.fold(true, false);
    rolled.drop_days(kDays);
    compare(rolled, raw, 5 * kMinuteMs, {"5m", "10m", "1h"});
    const auto answer = rolled.range("m", kStartMs, kStartMs + kHourMs, kMinuteMs);
    ASSERT_TRUE(answer);
    ASSERT_EQ(answer->infos.size(), 1u);
    EXPECT_NE(answer->infos[0].find("rollups of 5m"), std::string::npos) << answer->infos[0];
    EXPECT_TRUE(answer->warnings.empty());
  }
  {
    SCOPED_TRACE("1h");
    Bed rolled;
    fill(rolled, data);
    rolled.fold(false, true);
    rolled.drop_days(kDays);
    compare(rolled, raw, kHourMs, {"1h", "3h"});
  }
  {
    SCOPED_TRACE("both, and raw samples for the last day");
    Bed rolled;
    fill(rolled, data);
    rolled.fold(true, true);
    rolled.drop_days(kDays - 1);
    compare(rolled, raw, kHourMs, {"1h", "2h"});
    compare(rolled, raw, 5 * kMinuteMs, {"15m"});
  }
  {
    SCOPED_TRACE("raw samples are there, but rollups are allowed");
    Bed rolled;
    fill(rolled, data);
    rolled.fold(true, true);
    const double before = rolled.metric("tidemark_storage_rollup_selects_total");
    compare(rolled, raw, 5 * kMinuteMs, {"5m"}, 5 * kMinuteMs);
    compare(rolled, raw, kHourMs, {"1h"}, kHourMs);
    EXPECT_GT(rolled.metric("tidemark_storage_rollup_selects_total"), before + 10);
    const auto answer = rolled.range("m", kStartMs, kStartMs + kHourMs, kMinuteMs, kHourMs);
    ASSERT_TRUE(answer);
    EXPECT_NE(answer->infos[0].find("rollups of 1h"), std::string::npos) << answer->infos[0];
    EXPECT_TRUE(rolled.range("m", kStartMs, kStartMs + kHourMs, kMinuteMs)->infos.empty());
  }
}

// Times that are no multiples of the resolution see the last whole bucket.
TEST_F(Rollups, ErrByLessThanABucketElsewhere) {
  std::vector<Sample> line;
  for (int64_t t_ms = kStartMs; t_ms < kStartMs + kDays * kDayMs; t_ms += 15'000) {
    line.push_back({t_ms, static_cast<double>(t_ms - kStartMs) / 1000});  // One a second.
  }
  Bed raw;
  raw.append("line", line);
  Bed rolled;
  rolled.append("line", line);
  rolled.fold(true, false);
  rolled.drop_days(kDays);
  const struct {
    const char* query;
    double error_max;
  } cases[] = {
      {"m", 300},
      {"timestamp(m)", 300},
      {"max_over_time(m[20m])", 300},
      {"min_over_time(m[20m])", 300},
      {"min_over_time(m[17m])", 600},  // The window's own beginning lies within a bucket.
      {"avg_over_time(m[20m])", 300},
      {"count_over_time(m[20m])", 0},
      {"increase(m[20m])", 1e-6},
      {"rate(m[20m])", 1e-9},
      {"rate(m[17m])", 0.35},
      {"rate(m[1m])", 1e-9},
      {"last_over_time(m[30s])", 300},
      {"deriv(m[20m])", 1e-9},
  };
  const int64_t from_ms = kStartMs + 2 * kHourMs + 77'000;
  for (const auto& c : cases) {
    const auto got = rolled.range(c.query, from_ms, from_ms + kDayMs, 97'000);
    const auto want = raw.range(c.query, from_ms, from_ms + kDayMs, 97'000);
    ASSERT_TRUE(got && want) << c.query;
    ASSERT_EQ(got->series.size(), 1u) << c.query;
    ASSERT_EQ(got->series[0].samples.size(), want->series[0].samples.size()) << c.query;
    for (size_t i = 0; i < got->series[0].samples.size(); ++i) {
      ASSERT_NEAR(got->series[0].samples[i].v, want->series[0].samples[i].v, c.error_max) << c.query << " " << i;
    }
  }
  const auto warned = rolled.range("quantile_over_time(0.5, m[1h])", from_ms, from_ms + kHourMs, kMinuteMs);
  ASSERT_TRUE(warned);
  ASSERT_EQ(warned->warnings.size(), 1u);
  EXPECT_NE(warned->warnings[0].find("quantile_over_time over rollups"), std::string::npos);
  EXPECT_NEAR(warned->series[0].samples[0].v, static_cast<double>(from_ms - kStartMs) / 1000 - 1800, 600);
}

TEST_F(Rollups, LateSamplesAreFoldedIn) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  auto data = random_data(random_);
  Bed raw;
  fill(raw, data);
  Bed rolled;
  fill(rolled, data);
  rolled.fold(true, true);
  // Over what is there, in between, of a series that was not there, and exactly at midnight.
  for (Bed* bed : {&raw, &rolled}) {
    bed->append("gauge", {{kStartMs + kHourMs + 1, 1e6}, {kStartMs + kDayMs, -1e6}});
    bed->append("late", {{kStartMs + kHourMs, 5}, {kStartMs + kHourMs + kMinuteMs, 6}});
  }
  // In memory as yet, and no rollup of these days has them, however much the query likes rollups.
  compare(rolled, raw, kHourMs, {"1h"}, kHourMs);
  rolled.close();
  rolled.open();
  rolled.settle();
  rolled.drop_days(kDays);
  compare(rolled, raw, 5 * kMinuteMs, {"5m", "10m"});
  compare(rolled, raw, kHourMs, {"1h"});
}

TEST_F(Rollups, RawDaysStayUntilTheyAreFolded) {
  Bed bed;
  bed.append("x", {{kStartMs + 1, 1}, {kStartMs + kDayMs + 1, 2}, {kStartMs + 2 * kDayMs + 1, 3}});
  bed.close();
  // All three days are past raw retention at once, before any is folded.
  bed.clock_.set_now_ms(kStartMs + 6 * kDayMs);
  bed.options_.retention_ms = kDayMs;
  bed.options_.retention_5m_ms = kYearMs;
  bed.open();
  bed.append("newest", {{bed.clock_.now_ms(), 1}});
  bed.close();
  bed.open();
  ASSERT_TRUE(testing::eventually([&] {
    bed.store_->set_retention(kDayMs, 0);
    return bed.metric("tidemark_storage_windows_dropped_total") == 3;
  }));
  const auto answer = bed.range("count_over_time(m[1d])", kStartMs + kDayMs, kStartMs + 3 * kDayMs, kDayMs);
  ASSERT_TRUE(answer);
  ASSERT_EQ(answer->series.size(), 1u);
  EXPECT_EQ(answer->series[0].samples.size(), 3u);
  // Labels too.
  auto querier = bed.store_->querier();
  const auto values = (*querier)->label_values("k", {}, kStartMs, kStartMs + kDayMs, 0);
  ASSERT_TRUE(values);
  EXPECT_EQ(*values, std::vector<std::string>{"x"});
  // Stored samples only.
  SelectHints stored;
  stored.max_resolution_ms = -1;
  const auto all = *Matcher::make(MatchOp::kRegex, "k", ".+");
  EXPECT_TRUE(read_set(*(*querier)->select({all}, kStartMs, kStartMs + 3 * kDayMs, stored, false)).empty());
  EXPECT_FALSE(read_set(*(*querier)->select({all}, kStartMs, kStartMs + 3 * kDayMs, {}, false)).empty());
  // What raw samples answer alone does not mention rollups, though they end just before.
  const auto raw = bed.range("m", bed.clock_.now_ms() - 23 * kHourMs, bed.clock_.now_ms(), kMinuteMs);
  ASSERT_TRUE(raw);
  EXPECT_TRUE(raw->infos.empty());
  // A tier's own retention, and the series' records with it, once nobody reads them.
  querier->reset();
  bed.options_.retention_5m_ms = 2 * kDayMs;
  bed.store_->set_rollup_retention(2 * kDayMs, 0);
  ASSERT_TRUE(testing::eventually([&] { return bed.metric("tidemark_storage_windows_dropped_total") >= 6; }));
  EXPECT_TRUE(bed.range("m", kStartMs, kStartMs + 3 * kDayMs, kHourMs)->series.empty());
}

// The index of a day in files, in which labels are found, has a block that does not read.
TEST_F(Rollups, AreMadeOfDaysWhoseIndexDoesNotRead) {
  Bed bed;
  bed.options_.log_bytes_max = 1 << 30;
  for (const char* k : {"x", "y"}) {
    bed.append(k, {{kStartMs + 1, 1}, {kStartMs + kDayMs + 1, 2}, {kStartMs + 2 * kDayMs + 1, 3}});
  }
  bed.close();
  int flipped = 0;
  for (const std::string& file : testing::files_under(bed.options_.path, ".sst")) {
    std::ifstream in(file, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), {});
    // The name of the family, among the file's properties. Its first block begins the file.
    if (bytes.find("postings") == std::string::npos) continue;
    testing::flip_byte(file, 9);
    ++flipped;
  }
  ASSERT_GT(flipped, 0);
  bed.clock_.set_now_ms(kStartMs + (kDays + 2) * kDayMs);
  bed.options_.retention_5m_ms = kYearMs;
  bed.open();
  bed.append("newest", {{bed.clock_.now_ms(), 1}});
  bed.close();
  bed.open();
  bed.settle();
  EXPECT_TRUE(bed.logger_.contains("does not read"));
  EXPECT_EQ(bed.metric("tidemark_storage_rewrite_failures_total"), 0);
  bed.drop_days(kDays);
  for (const char* k : {"x", "y"}) {
    const auto answer = bed.range("count_over_time(m{k=\"" + std::string(k) + "\"}[1d])", kStartMs + kDayMs,
                                  kStartMs + 3 * kDayMs, kDayMs);
    ASSERT_TRUE(answer);
    ASSERT_EQ(answer->series.size(), 1u) << k;
    EXPECT_EQ(answer->series[0].samples.size(), 3u) << k;
  }
}

}  // namespace
}  // namespace tidemark::storage
