// What `stats` says of samples: Prometheus' figures over the same data.
#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include "aggregator/promql/engine.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_store.h"

namespace tidemark::promql {
namespace {

constexpr int64_t kEveryMs = 10'000;

struct Case {
  const char* query;
  int64_t start_s;
  int64_t end_s;
  int64_t step_s;  // 0: instant.
  std::vector<size_t> looked_at;
  std::vector<size_t> read;
};

// `one` and three series of `three`, a sample each every ten seconds, the first one at 0.
class StatsTest : public ::testing::TestWithParam<Case> {
 protected:
  StatsTest() {
    for (int64_t i = 0; i <= 100; ++i) {
      store_.add(Labels{{"__name__", "one"}}, i * kEveryMs, static_cast<double>(i));
      for (const char* a : {"1", "2", "3"}) {
        store_.add(Labels{{"__name__", "three"}, {"a", a}, {"b", a[0] == '1' ? "1" : "2"}}, i * kEveryMs, 1);
      }
    }
  }

  testing::MemoryStore store_;
  testing::FakeClock clock_;
  prometheus::Registry registry_;
};

TEST_P(StatsTest, CountsSamplesAsPrometheusDoes) {
  const Case& c = GetParam();
  Engine engine(store_, {}, clock_, registry_);
  const QueryOptions options{.stats = WantedStats::kSteps};
  const auto result = c.step_s == 0 ? engine.instant(c.query, c.start_s * 1000, options)
                                    : engine.range(c.query, c.start_s * 1000, c.end_s * 1000, c.step_s * 1000, options);
  ASSERT_TRUE(result) << result.error().message();
  const QueryStats& stats = result->stats;
  std::vector<size_t> looked_at;
  std::vector<size_t> read;
  size_t total_looked_at = 0;
  size_t total_read = 0;
  for (size_t i = 0; i < stats.steps.size(); ++i) {
    const QueryStats::Step& step = stats.steps[i];
    EXPECT_EQ(step.t_ms, (c.start_s + static_cast<int64_t>(i) * c.step_s) * 1000);
    looked_at.push_back(step.samples_looked_at);
    read.push_back(step.samples_read);
    total_looked_at += step.samples_looked_at;
    total_read += step.samples_read;
  }
  EXPECT_EQ(looked_at, c.looked_at);
  EXPECT_EQ(read, c.read);
  EXPECT_EQ(stats.samples_looked_at, total_looked_at);
  EXPECT_EQ(stats.samples_read, total_read);
}

const Case kCases[] = {
    {"1", 21, 0, 0, {0}, {0}},
    {"one", 21, 0, 0, {1}, {1}},
    {"timestamp(one)", 21, 0, 0, {1}, {1}},
    {"one offset 10s", 21, 0, 0, {1}, {1}},
    {"one @ 15", 21, 0, 0, {1}, {1}},
    {"three", 21, 0, 0, {3}, {3}},
    {"three[20s] @ 19", 21, 0, 0, {6}, {6}},
    {"one[60s]", 201, 0, 0, {6}, {6}},
    {"max_over_time(one[60s])[20s:5s]", 201, 0, 0, {24}, {8}},
    {"max_over_time(one[61s])[20s:5s]", 201, 0, 0, {26}, {8}},
    {"sum(max_over_time(three[60s] @ 30))", 201, 0, 0, {12}, {12}},
    {"max_over_time(three[20s:5s])", 201, 0, 0, {12}, {12}},
    {"three + on (a, b) three", 21, 0, 0, {6}, {6}},
    {"one", 201, 220, 5, {1, 1, 1, 1}, {1, 1, 1, 1}},
    {"one @ 30", 201, 220, 5, {1, 1, 1, 1}, {1, 0, 0, 0}},
    {"max_over_time(one[20s])", 201, 220, 5, {2, 2, 2, 2}, {2, 0, 1, 0}},
    {"sum by (b) (max_over_time(three[60s] @ 30))", 201, 220, 5, {12, 12, 12, 12}, {12, 0, 0, 0}},
    {"max_over_time(one[20s:5s])", 201, 220, 5, {4, 4, 4, 4}, {4, 1, 1, 1}},
    {"max_over_time(one[20s:5s] @ 30)", 201, 220, 5, {4, 4, 4, 4}, {4, 0, 0, 0}},
    {"scalar(one) + three", 201, 210, 5, {4, 4}, {4, 4}},
    {"quantile_over_time(scalar(one) / 1e6, three[60s] @ 60)", 201, 210, 5, {19, 19}, {19, 1}},
};

INSTANTIATE_TEST_SUITE_P(Queries, StatsTest, ::testing::ValuesIn(kCases));

void PrintTo(const Case& c, std::ostream* out) { *out << c.query; }

}  // namespace
}  // namespace tidemark::promql
