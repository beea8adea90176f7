// Functions of a window against what their documentation says, computed the slow way over random samples.
#include "aggregator/promql/range_functions.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "aggregator/promql/select.h"
#include "aggregator/promql/window_plan.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_store.h"

namespace tidemark::promql {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

struct Data {
  std::vector<int64_t> t_ms;
  std::vector<double> v;
};

// A function's answers at the steps of a query, to one series after the other.
class Answers {
 public:
  Answers(RangeFunction& function, const RangeSpec& spec)
      : function_(function),
        spec_(spec),
        querier_(std::move(*store_.querier())),
        context_("", *querier_, account_, {}) {}

  const Column& of(const Samples& samples) {
    EXPECT_TRUE(plan_.apply(function_, samples, {}, out_).ok());
    return out_;
  }

 private:
  static constexpr QueryLimits kLimits{.deadline_ns = INT64_MAX, .samples_max = 1'000'000, .bytes_max = 100'000'000};
  RangeFunction& function_;
  const RangeSpec spec_;
  ::tidemark::testing::FakeClock clock_;
  ::tidemark::testing::MemoryStore store_;
  std::unique_ptr<storage::Querier> querier_;
  QueryAccount account_{clock_, kLimits};
  QueryContext context_;
  WindowPlan plan_{context_, spec_, {}};
  Column out_;
};

// A counter or gauge with jitter, gaps, resets and, rarely, what is no ordinary number.
Data random_data(std::mt19937& random) {
  std::uniform_int_distribution<int> percent(0, 99);
  std::uniform_int_distribution<int64_t> jitter(-800, 800);
  Data data;
  double value = 0;
  for (int64_t i = 1; i < 200; ++i) {
    if (percent(random) < 10) continue;
    value = percent(random) < 5 ? 0 : value + percent(random) / 4.0;
    double seen = value;
    const int special = percent(random);
    if (special == 0) seen = kNaN;
    if (special == 1) seen = kInf;
    if (special == 2) seen = 1e308;
    data.t_ms.push_back(i * 15'000 + jitter(random));
    data.v.push_back(seen);
  }
  return data;
}

using Slow = std::function<std::optional<double>(const std::vector<double>&)>;

double slow_extreme(const std::vector<double>& v, bool largest) {
  double best = kNaN;
  for (const double x : v) {
    if (std::isnan(best) || (largest ? x > best : x < best)) best = x;
  }
  return best;
}

double slow_transitions(const std::vector<double>& v, bool resets) {
  double n = 0;
  for (size_t i = 1; i < v.size(); ++i) {
    const bool both_nan = std::isnan(v[i]) && std::isnan(v[i - 1]);
    if (resets ? v[i] < v[i - 1] : v[i] != v[i - 1] && !both_nan) ++n;
  }
  return n;
}

std::optional<double> slow_sum(const std::vector<double>& v) {
  long double sum = 0;  // Exact enough where no double overflows: then both are infinite.
  for (const double x : v) sum += x;
  return static_cast<double>(sum);
}

// By sorting all of it, NaN first. Of an odd number the one behind the middle has the weight 0, and Inf * 0 is NaN, as
// in Prometheus.
double slow_median(std::vector<double> v) {
  std::sort(v.begin(), v.end(), [](double a, double b) { return std::isnan(a) ? !std::isnan(b) : a < b; });
  const size_t low = (v.size() - 1) / 2;
  const double weight = v.size() % 2 == 1 ? 0 : 0.5;
  return v[low] * (1 - weight) + v[std::min(low + 1, v.size() - 1)] * weight;
}

double slow_mad(std::vector<double> v) {
  if (std::any_of(v.begin(), v.end(), [](double x) { return std::isnan(x); })) return kNaN;
  const double median = slow_median(v);
  for (double& x : v) x = std::fabs(x - median);
  return slow_median(v);
}

// Where in the window the newest of its largest (or smallest) numbers is.
size_t slow_place(const std::vector<double>& v, bool largest) {
  size_t best = 0;
  for (size_t i = 1; i < v.size(); ++i) {
    if (std::isnan(v[best]) || (largest ? v[i] >= v[best] : v[i] <= v[best])) best = i;
  }
  return best;
}

const std::map<std::string, std::function<size_t(const std::vector<double>&)>>& slow_places() {
  static const std::map<std::string, std::function<size_t(const std::vector<double>&)>> kFunctions = {
      {"ts_of_first_over_time", [](const auto&) { return 0; }},
      {"ts_of_last_over_time", [](const auto& v) { return v.size() - 1; }},
      {"ts_of_max_over_time", [](const auto& v) { return slow_place(v, true); }},
      {"ts_of_min_over_time", [](const auto& v) { return slow_place(v, false); }},
  };
  return kFunctions;
}

const std::map<std::string, Slow>& slow_functions() {
  static const std::map<std::string, Slow> kFunctions = {
      {"count_over_time", [](const auto& v) { return static_cast<double>(v.size()); }},
      {"present_over_time", [](const auto&) { return 1.0; }},
      {"first_over_time", [](const auto& v) { return v.front(); }},
      {"last_over_time", [](const auto& v) { return v.back(); }},
      {"max_over_time", [](const auto& v) { return slow_extreme(v, true); }},
      {"min_over_time", [](const auto& v) { return slow_extreme(v, false); }},
      {"changes", [](const auto& v) { return slow_transitions(v, false); }},
      {"resets", [](const auto& v) { return slow_transitions(v, true); }},
      {"sum_over_time", slow_sum},
      {"mad_over_time", slow_mad},
  };
  return kFunctions;
}

::testing::AssertionResult same(double a, double b) {
  if (a == b || (std::isnan(a) && std::isnan(b))) return ::testing::AssertionSuccess();
  if (std::fabs(a - b) <= 1e-9 * std::max(std::fabs(a), std::fabs(b))) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << a << " is not " << b;
}

TEST(RangeFunctions, AgreeWithSlowOnes) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 20; ++round) {
    const Data data = random_data(random);
    const int64_t range_ms = std::uniform_int_distribution<int64_t>(10'000, 600'000)(random);
    const RangeSpec spec{{0, std::uniform_int_distribution<int64_t>(5'000, 120'000)(random), 50},
                         {std::nullopt, std::uniform_int_distribution<int64_t>(-60'000, 60'000)(random)},
                         range_ms};
    for (const auto& [name, slow] : slow_functions()) {
      const auto function = make_range_function(name);
      ASSERT_NE(function, nullptr) << name;
      const Column out = Answers(*function, spec).of({data.t_ms, data.v});
      for (size_t step = 0; step < spec.grid.steps; ++step) {
        std::vector<double> window;
        for (size_t i = 0; i < data.v.size(); ++i) {
          if (data.t_ms[i] > spec.begin_ms(step) && data.t_ms[i] <= spec.end_ms(step)) window.push_back(data.v[i]);
        }
        ASSERT_EQ(out.present.get(step), !window.empty()) << name << " step " << step;
        if (window.empty()) continue;
        ASSERT_TRUE(same(out.v[step], *slow(window))) << name << " step " << step;
      }
    }
  }
}

TEST(RangeFunctions, KnowWhen) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 20; ++round) {
    Data data = random_data(random);
    for (double& v : data.v) v = std::isnan(v) ? v : std::floor(std::fmod(v, 4));  // So that many are equal.
    const RangeSpec spec{{0, 20'000, 50}, {}, std::uniform_int_distribution<int64_t>(10'000, 600'000)(random)};
    for (const auto& [name, slow] : slow_places()) {
      const auto function = make_range_function(name);
      ASSERT_NE(function, nullptr) << name;
      const Column out = Answers(*function, spec).of({data.t_ms, data.v});
      for (size_t step = 0; step < spec.grid.steps; ++step) {
        Data window;
        for (size_t i = 0; i < data.v.size(); ++i) {
          if (data.t_ms[i] <= spec.begin_ms(step) || data.t_ms[i] > spec.end_ms(step)) continue;
          window.t_ms.push_back(data.t_ms[i]);
          window.v.push_back(data.v[i]);
        }
        ASSERT_EQ(out.present.get(step), !window.v.empty()) << name << " step " << step;
        if (window.v.empty()) continue;
        ASSERT_EQ(out.v[step], static_cast<double>(window.t_ms[slow(window.v)]) / 1000) << name << " step " << step;
      }
    }
  }
}

struct RateCase {
  const char* function;
  Data data;
  int64_t range_ms;
  int64_t end_ms;
  std::optional<double> want;
};

TEST(RangeFunctions, Rates) {
  const Data steady{{10'000, 20'000, 30'000, 40'000}, {100, 200, 300, 400}};
  const Data reset{{10'000, 20'000, 30'000, 40'000}, {100, 200, 50, 150}};
  const RateCase cases[] = {
      // Both ends are within 1.1 distances: stretched to the whole range, but not below zero.
      {"increase", steady, 40'000, 40'000, 400},
      {"increase", steady, 35'000, 40'000, 350},
      {"delta", steady, 40'000, 40'000, 400},
      // 60 s beyond the first sample: half a distance only.
      {"delta", steady, 100'000, 40'000, 350},
      {"increase", steady, 100'000, 40'000, 350},
      {"rate", steady, 100'000, 40'000, 3.5},
      // A counter that began at 20 above zero reached zero 2 s before its first sample.
      {"increase", {{10'000, 20'000}, {20, 120}}, 20'000, 20'000, 120},
      {"delta", {{10'000, 20'000}, {20, 120}}, 20'000, 20'000, 200},
      // 50 above nothing after the reset: 200 - 100 before, 150 after.
      {"increase", reset, 35'000, 40'000, 250 * 35.0 / 30},
      {"delta", reset, 35'000, 40'000, 50 * 35.0 / 30},
      {"irate", reset, 40'000, 30'000, 5},
      {"irate", reset, 40'000, 40'000, 10},
      {"idelta", reset, 40'000, 30'000, -150},
      {"rate", reset, 10'000, 40'000, std::nullopt},
      {"irate", reset, 10'000, 40'000, std::nullopt},
  };
  for (const RateCase& c : cases) {
    const auto function = make_range_function(c.function);
    const Column out = Answers(*function, {{c.end_ms, 1, 1}, {}, c.range_ms}).of({c.data.t_ms, c.data.v});
    ASSERT_EQ(out.present.get(0), c.want.has_value()) << c.function << " " << c.range_ms;
    if (!c.want) continue;
    EXPECT_NEAR(out.v[0], *c.want, 1e-9) << c.function << " " << c.range_ms << " " << c.end_ms;
  }
}

// What is kept from one series for the next must not show: not with the same timestamps, with others, or with none.
TEST(RangeFunctions, AnswerOneSeriesAfterTheOther) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::vector<Data> all;
  for (int i = 0; i < 30; ++i) {
    Data data = random_data(random);
    if (i % 3 != 0) {
      data.t_ms = all.back().t_ms;
      data.v.resize(data.t_ms.size(), 7);
    }
    // Counters near 0, without resets, and with tiny or huge values.
    if (i % 5 == 1) data.v.assign(data.t_ms.size(), 0);
    if (i % 5 == 2) std::generate(data.v.begin(), data.v.end(), [n = 0.0]() mutable { return n += 0.5; });
    if (i % 5 == 3) std::generate(data.v.begin(), data.v.end(), [n = 0.0]() mutable { return n += 3e-300; });
    if (i % 5 == 4) std::generate(data.v.begin(), data.v.end(), [n = 0.0]() mutable { return n += 1e305; });
    if (i == 20) data = {};
    all.push_back(std::move(data));
  }
  const RangeSpec spec{{0, 20'000, 160}, {}, std::uniform_int_distribution<int64_t>(10'000, 600'000)(random)};
  for (const char* const name : {"rate", "increase", "delta", "irate", "max_over_time", "resets"}) {
    const auto function = make_range_function(name);
    Answers answers(*function, spec);
    for (size_t i = 0; i < all.size(); ++i) {
      const Column& out = answers.of({all[i].t_ms, all[i].v});
      for (size_t step = 0; step < spec.grid.steps; ++step) {
        const auto alone = make_range_function(name);
        const RangeSpec one{{spec.grid.time_ms(step), 1, 1}, {}, spec.range_ms};
        Window window;
        while (window.begin < all[i].t_ms.size() && all[i].t_ms[window.begin] <= one.begin_ms(0)) ++window.begin;
        window.end = window.begin;
        while (window.end < all[i].t_ms.size() && all[i].t_ms[window.end] <= one.end_ms(0)) ++window.end;
        window.range_start_ms = one.begin_ms(0);
        window.range_end_ms = window.eval_ms = one.end_ms(0);
        double want = 0;
        alone->begin({all[i].t_ms, all[i].v});
        const bool answered = window.begin < window.end && alone->value(window, want);
        ASSERT_EQ(out.present.get(step), answered) << name << " series " << i << " step " << step;
        if (answered) {
          ASSERT_TRUE(same(out.v[step], want)) << name << " series " << i << " step " << step;
        }
      }
    }
  }
}

// Counters that say when they started. Times in seconds; the window is (0 s, 60 s].
TEST(RangeFunctions, StartTimestamps) {
  struct Case {
    const char* what;
    const char* function;
    std::vector<int64_t> t_s;
    std::vector<int64_t> start_s;
    std::vector<double> v;
    std::optional<double> want;
    size_t overlaps = 0;
  };
  const Case cases[] = {
      {"begun within: nothing to the left", "increase", {20, 40, 60}, {10, 10, 10}, {10, 30, 50}, 50},
      {"begun before: stretched", "increase", {20, 40, 60}, {-50, -50, -50}, {100, 120, 140}, 60},
      {"one sample is enough", "increase", {20}, {10}, {7}, 7},
      {"not when it began before", "increase", {20}, {-5}, {7}, std::nullopt},
      {"nor at its own time", "increase", {20}, {20}, {7}, std::nullopt},
      {"restarted and grown beyond", "increase", {10, 30, 60}, {5, 5, 40}, {10, 20, 30}, 50},
      {"deltas", "increase", {20, 40, 60}, {10, 20, 40}, {5, 6, 7}, 18},
      {"deltas as a rate", "irate", {20, 40, 60}, {10, 20, 40}, {5, 6, 8}, 0.4},
      {"unknown start", "increase", {20, 40, 60}, {20, 20, 20}, {5, 5, 5}, 0},
      {"no start, then one at the sample before", "resets", {20, 40}, {0, 20}, {5, 5}, 0},
      {"start behind its sample", "resets", {20, 40}, {50, 20}, {5, 5}, 0},
      {"deltas are resets", "resets", {20, 40, 60}, {10, 20, 40}, {5, 6, 7}, 2},
      {"starts between samples", "resets", {20, 40, 60}, {10, 30, 30}, {5, 6, 7}, 1},
      {"overlap", "rate", {20, 40, 60}, {-10, 10, 10}, {10, 20, 30}, 0.5, 1},
  };
  for (const Case& c : cases) {
    Data data{c.t_s, c.v};
    std::vector<int64_t> start_ms = c.start_s;
    for (int64_t& t : data.t_ms) t *= 1000;
    for (int64_t& t : start_ms) t *= 1000;
    const auto function = make_range_function(c.function);
    const Column out =
        Answers(*function, {{60'000, 1, 1}, {}, 60'000}).of({.t_ms = data.t_ms, .v = data.v, .start_ms = start_ms});
    ASSERT_EQ(out.present.get(0), c.want.has_value()) << c.what;
    if (c.want) {
      EXPECT_NEAR(out.v[0], *c.want, 1e-9) << c.what;
    }
    EXPECT_EQ(function->overlaps(), c.overlaps) << c.what;
  }
}

TEST(RangeFunctions, UnknownNames) {
  EXPECT_FALSE(is_range_function("abs"));
  EXPECT_FALSE(is_range_function(""));
  EXPECT_TRUE(is_range_function("rate"));
}

}  // namespace
}  // namespace tidemark::promql
