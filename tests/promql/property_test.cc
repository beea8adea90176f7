// What must hold of any query over any data: shifted in time the answer is the same, a range is the sum of its parts,
// and a label that all series share changes nothing but that it is there.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <bit>
#include <limits>
#include <map>
#include <random>

#include "aggregator/promql/engine.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_store.h"

namespace tidemark::promql {
namespace {

constexpr int64_t kStartMs = 1'700'000'040'000;  // On a full minute.
constexpr int64_t kStepMs = 30'000;
constexpr int64_t kEndMs = kStartMs + 40 * kStepMs;
constexpr int kQueries = 1000;

using Bits = std::map<int64_t, uint64_t>;  // So that NaNs compare.
using Answer = std::map<std::string, Bits>;

// Random queries of those functions and operators whose value depends on nothing but the data and how far it is away.
class Queries {
 public:
  explicit Queries(std::mt19937_64& random) : random_(random) {}

  std::string vector(int depth) {
    if (depth == 0) return selector() + modifiers();
    switch (random_() % 10) {
      case 0:
        return selector() + modifiers();
      case 1:
      case 2:
      case 3:
        return over_time(depth);
      case 4:
      case 5:
        return aggregation(depth);
      case 6:
        return fmt::format("{} {} {}", vector(depth - 1), pick({"+", "*", "/", ">", "<= bool", "!="}),
                           pick({"2", "0.5", "-1", "scalar(gauge{i=\"1\"})"}));
      case 7:
        return fmt::format("{} {} on (i) {}", one_each(), pick({"+", "-", "<", "and", "or", "unless"}), one_each());
      case 8:
        return fmt::format("{}({})", pick({"abs", "ceil", "sqrt", "-", "sgn", "sort", "absent"}), vector(depth - 1));
      default:
        return fmt::format("label_replace({}, \"new\", \"$1x\", \"i\", \"(.*)\")", vector(depth - 1));
    }
  }

 private:
  std::string pick(std::initializer_list<const char*> list) { return *(list.begin() + random_() % list.size()); }
  std::string selector() {
    return pick(
        {"gauge", "counter_total", "holes", "gauge{i!=\"2\"}", "counter_total{i=~\"[12]\"}", "nothing", "special"});
  }
  std::string modifiers() { return random_() % 6 == 0 ? " offset " + pick({"1m", "-30s", "7s"}) : ""; }
  std::string one_each() { return pick({"gauge", "counter_total", "max by (i) (holes)", "rate(counter_total[2m])"}); }
  std::string range(int depth) {
    if (random_() % 5 == 0) return fmt::format("({})[{}:{}]", vector(depth - 1), pick({"5m", "3m"}), pick({"", "30s"}));
    return fmt::format("{}[{}]{}", selector(), pick({"1m", "45s", "5m"}), modifiers());
  }
  std::string over_time(int depth) {
    if (random_() % 8 == 0) {
      return fmt::format("{}({}[{}] {})", pick({"rate", "increase", "delta"}), selector(), pick({"1m", "5m"}),
                         pick({"anchored", "smoothed"}));
    }
    if (random_() % 10 == 0) return fmt::format("quantile_over_time(0.3, {})", range(depth));
    if (random_() % 10 == 0) return fmt::format("double_exponential_smoothing({}, 0.3, 0.6)", range(depth));
    return fmt::format("{}({})",
                       pick({"rate", "increase", "irate", "delta", "idelta", "deriv", "changes", "resets",
                             "avg_over_time", "sum_over_time", "max_over_time", "min_over_time", "stddev_over_time",
                             "count_over_time", "last_over_time", "mad_over_time", "absent_over_time"}),
                       range(depth));
  }
  std::string aggregation(int depth) {
    const std::string group = pick({"", " by (i)", " without (i)", " by (job, i)"});
    if (random_() % 4 == 0) {
      return fmt::format("{}{} ({}, {})", pick({"topk", "bottomk", "quantile", "limitk"}), group,
                         pick({"1", "0.5", "2"}), vector(depth - 1));
    }
    return fmt::format("{}{} ({})", pick({"sum", "avg", "min", "max", "count", "group", "stdvar"}), group,
                       vector(depth - 1));
  }

  std::mt19937_64& random_;
};

class PropertyTest : public ::testing::Test {
 protected:
  PropertyTest() {
    SCOPED_TRACE(seed_);
    for (const char* name : {"gauge", "counter_total", "holes", "special"}) {
      for (int i = 0; i < 4; ++i) add(name, i);
    }
    options_.parser = {true, true, true};
  }

  // The same data, moved and with one more label.
  void fill(testing::MemoryStore& store, int64_t shift_ms, bool labelled) const {
    for (const auto& [labels, samples] : data_) {
      LabelsBuilder builder(labels);
      // Before all others, so that the order of series stays what it was.
      if (labelled) builder.set("A", "same");
      for (const Sample& sample : samples) store.add(builder.build(), sample.t_ms + shift_ms, sample.v);
    }
  }

  Result<Answer> ask(testing::MemoryStore& store, const std::string& query, int64_t start_ms, int64_t end_ms,
                     int64_t shift_ms = 0) const {
    prometheus::Registry registry;
    Engine engine(store, options_, clock_, registry);
    const auto result = engine.range(query, start_ms + shift_ms, end_ms + shift_ms, kStepMs);
    if (!result) return fail(result.error());
    Answer answer;
    for (const ResultSeries& series : result->series) {
      LabelsBuilder builder(series.labels);
      builder.erase("A");
      Bits& bits = answer[builder.build().to_string()];
      for (const Sample& sample : series.samples) bits[sample.t_ms - shift_ms] = std::bit_cast<uint64_t>(sample.v);
    }
    return answer;
  }

  std::string query() { return queries_.vector(1 + static_cast<int>(random_() % 3)); }

  const uint64_t seed_ = std::random_device{}();
  std::mt19937_64 random_{seed_};
  Queries queries_{random_};

 private:
  void add(const std::string& name, int i) {
    std::vector<Sample>& samples = data_[Labels{{"__name__", name}, {"i", std::to_string(i)}, {"job", "node"}}];
    double v = 0;
    for (int64_t t = kStartMs - 900'000; t <= kEndMs + 600'000; t += 15'000) {
      const auto dice = random_() % 100;
      if (name == "holes" && t / 200'000 % 3 == 0) continue;
      if (name == "counter_total") {
        v = dice < 3 ? 0 : v + static_cast<double>(dice) / 4;
      } else {
        v = static_cast<double>(random_() % 2000) / 16 - 50;
      }
      double seen = v;
      if (name == "special" && dice < 10) {
        constexpr double kInf = std::numeric_limits<double>::infinity();
        const double specials[] = {kInf, -kInf, std::nan(""), 1e308, stale_nan(), -0.0};
        seen = specials[dice % 6];
      }
      samples.push_back({t + static_cast<int64_t>(random_() % 200), seen});
    }
  }

  std::map<Labels, std::vector<Sample>> data_;
  const testing::FakeClock clock_{kEndMs};
  EngineOptions options_;
};

TEST_F(PropertyTest, ShiftedInTimeTheAnswerIsTheSame) {
  SCOPED_TRACE(seed_);
  constexpr int64_t kShiftMs = int64_t{1234} * 60'000;  // Subqueries stand on multiples of their step.
  testing::MemoryStore here;
  testing::MemoryStore there;
  fill(here, 0, false);
  fill(there, kShiftMs, false);
  int answered = 0;
  for (int i = 0; i < kQueries; ++i) {
    const std::string text = query();
    const auto want = ask(here, text, kStartMs, kEndMs);
    answered += want && !want->empty();
    const auto got = ask(there, text, kStartMs, kEndMs, kShiftMs);
    ASSERT_EQ(got.has_value(), want.has_value()) << text;
    if (want) {
      ASSERT_EQ(*got, *want) << text;
    }
  }
  EXPECT_GT(answered, kQueries / 2) << "the queries are of little use";
}

TEST_F(PropertyTest, ARangeIsTheSumOfItsParts) {
  SCOPED_TRACE(seed_);
  testing::MemoryStore store;
  fill(store, 0, false);
  for (int i = 0; i < kQueries; ++i) {
    const std::string text = query();
    const auto whole = ask(store, text, kStartMs, kEndMs);
    if (!whole) continue;  // Series may collide in one part and be told apart in none.
    const int64_t split_ms = kStartMs + static_cast<int64_t>(random_() % 40) * kStepMs;
    auto parts = ask(store, text, kStartMs, split_ms);
    ASSERT_TRUE(parts) << text;
    const auto rest = ask(store, text, split_ms + kStepMs, kEndMs);
    ASSERT_TRUE(rest) << text;
    for (const auto& [labels, bits] : *rest) (*parts)[labels].insert(bits.begin(), bits.end());
    ASSERT_EQ(*parts, *whole) << text << " split at " << split_ms;
  }
}

TEST_F(PropertyTest, ALabelThatAllShareChangesNothing) {
  SCOPED_TRACE(seed_);
  testing::MemoryStore plain;
  testing::MemoryStore labelled;
  fill(plain, 0, false);
  fill(labelled, 0, true);
  for (int i = 0; i < kQueries; ++i) {
    const std::string text = query();
    const auto want = ask(plain, text, kStartMs, kEndMs);
    const auto got = ask(labelled, text, kStartMs, kEndMs);
    ASSERT_EQ(got.has_value(), want.has_value()) << text;
    if (want) {
      ASSERT_EQ(*got, *want) << text;
    }
  }
}

}  // namespace
}  // namespace tidemark::promql
