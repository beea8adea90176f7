// The engine's face: results as callers get them, errors, limits.
#include "aggregator/promql/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <thread>

#include "model/number.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_logger.h"
#include "tests/support/memory_store.h"

namespace tidemark::promql {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr int64_t kMinuteMs = 60'000;

// "up{job="x"} 1@0 2@60000" for each series.
std::vector<std::string> lines(const Result<QueryResult>& result) {
  if (!result) return {"error: " + result.error().message()};
  std::vector<std::string> out;
  for (const ResultSeries& series : result->series) {
    std::string line = series.labels.to_string();
    for (const Sample& s : series.samples) line += " " + format_float(s.v) + "@" + std::to_string(s.t_ms);
    out.push_back(std::move(line));
  }
  return out;
}

// Ends a query from inside the store: the only place a test can be sure to be in the middle of it.
class WatchedStore final : public storage::Queryable {
 public:
  explicit WatchedStore(storage::Queryable& inner, std::function<void()> on_read)
      : inner_(inner), on_read_(std::move(on_read)) {}
  Result<std::unique_ptr<storage::Querier>> querier() override {
    on_read_();
    return inner_.querier();
  }

 private:
  storage::Queryable& inner_;
  const std::function<void()> on_read_;
};

class EngineTest : public ::testing::Test {
 protected:
  EngineTest() {
    for (int i = 0; i < 3; ++i) {
      const std::string id(1, static_cast<char>('a' + i));
      for (int64_t t = 0; t <= 10; ++t) {
        store_.add(Labels{{"__name__", "requests_total"}, {"host", id}}, t * kMinuteMs,
                   static_cast<double>(t * (i + 1)));
      }
    }
    store_.add(Labels{{"__name__", "errors_total"}, {"host", "a"}}, 0, 5);
  }

  Engine& engine(EngineOptions options = {}) {
    engine_ = std::make_unique<Engine>(store_, options, clock_, registry_);
    return *engine_;
  }
  std::string metrics() { return prometheus::TextSerializer().Serialize(registry_.Collect()); }

  ::tidemark::testing::MemoryStore store_;
  ::tidemark::testing::FakeClock clock_;
  prometheus::Registry registry_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(EngineTest, ResultsByType) {
  Engine& e = engine();
  const auto vector = e.instant("requests_total", kMinuteMs + 5);
  ASSERT_TRUE(vector);
  EXPECT_EQ(vector->type, ResultType::kVector);
  EXPECT_EQ(vector->t_ms, kMinuteMs + 5);
  EXPECT_THAT(lines(vector), ElementsAre("requests_total{host=\"a\"} 1@60005", "requests_total{host=\"b\"} 2@60005",
                                         "requests_total{host=\"c\"} 3@60005"));

  const auto scalar = e.instant("(1.5)", 7);
  ASSERT_TRUE(scalar);
  EXPECT_EQ(scalar->type, ResultType::kScalar);
  EXPECT_THAT(lines(scalar), ElementsAre("{} 1.5@7"));

  const auto text = e.instant("('hello')", 0);
  ASSERT_TRUE(text);
  EXPECT_EQ(text->type, ResultType::kString);
  EXPECT_EQ(text->text, "hello");

  const auto matrix = e.instant("requests_total{host='b'}[2m]", 5 * kMinuteMs);
  ASSERT_TRUE(matrix);
  EXPECT_EQ(matrix->type, ResultType::kMatrix);
  EXPECT_THAT(lines(matrix), ElementsAre("requests_total{host=\"b\"} 8@240000 10@300000"));

  const auto range = e.range("sum(requests_total)", 0, 2 * kMinuteMs + 1, kMinuteMs);
  ASSERT_TRUE(range);
  EXPECT_EQ(range->type, ResultType::kMatrix);
  EXPECT_THAT(lines(range), ElementsAre("{} 0@0 6@60000 12@120000"));

  EXPECT_THAT(lines(e.range("2", 0, kMinuteMs, kMinuteMs)), ElementsAre("{} 2@0 2@60000"));
}

TEST_F(EngineTest, OrderIsKeptWhereItIsTheAnswer) {
  Engine& e = engine();
  EXPECT_THAT(lines(e.instant("sort_desc(requests_total)", kMinuteMs)),
              ElementsAre(HasSubstr("\"c\""), HasSubstr("\"b\""), HasSubstr("\"a\"")));
  EXPECT_THAT(lines(e.instant("topk(2, requests_total) * 2", kMinuteMs)),
              ElementsAre("{host=\"c\"} 6@60000", "{host=\"b\"} 4@60000"));
  EXPECT_THAT(lines(e.instant("requests_total or on(__name__) errors_total", 0)),
              ElementsAre(StartsWith("errors_total"), StartsWith("requests_total{host=\"a\"}"),
                          StartsWith("requests_total{host=\"b\"}"), StartsWith("requests_total{host=\"c\"}")));
}

TEST_F(EngineTest, NamesGoAtOnceOrAtTheEnd) {
  constexpr std::string_view kTwoNames = "ceil({__name__=~\"requests_total|errors_total\", host=\"a\"})";
  constexpr std::string_view kByName = "sum by (__name__) (rate(requests_total[5m]))";
  EXPECT_THAT(lines(engine().instant(kTwoNames, 0)),
              ElementsAre("error: vector cannot contain metrics with the same labelset"));
  EXPECT_THAT(lines(engine().instant(kByName, 5 * kMinuteMs)), ElementsAre(StartsWith("{} ")));

  EngineOptions delayed;
  delayed.delayed_name_removal = true;
  EXPECT_THAT(lines(engine(delayed).instant(kTwoNames, 0)),
              ElementsAre("error: vector cannot contain metrics with the same labelset"));
  EXPECT_THAT(lines(engine(delayed).instant("count(" + std::string(kTwoNames) + ")", 0)), ElementsAre("{} 2@0"));
}

// A sum by other labels does not look at names, and yet they decide whether there is something to sum.
TEST_F(EngineTest, NamesThatNobodyLooksAtStillTellSeriesApart) {
  constexpr std::string_view kBoth = "{__name__=~\"requests_total|errors_total\"}";
  const auto at_once = [&](const std::string& query) { return lines(engine().instant(query, 0)); };
  for (const char* const by : {"sum by (host)", "sum", "quantile by (host) (0.5, ", "sum without (host)"}) {
    const std::string open = std::string(by).ends_with(' ') ? by : by + std::string(" (");
    EXPECT_THAT(at_once(open + "count_over_time(" + std::string(kBoth) + "[5m]))"),
                ElementsAre("error: vector cannot contain metrics with the same labelset"));
    EXPECT_THAT(at_once(open + "abs(" + std::string(kBoth) + "))"),
                ElementsAre("error: vector cannot contain metrics with the same labelset"));
  }
  EXPECT_THAT(at_once("sum by (host) (count_over_time(requests_total[5m]))"),
              ElementsAre("{host=\"a\"} 1@0", "{host=\"b\"} 1@0", "{host=\"c\"} 1@0"));
  EXPECT_THAT(at_once("sum by (__name__) (count_over_time(requests_total[5m]))"), ElementsAre("{} 3@0"));
}

// Nor does it look at types and units, of which one metric may have several.
TEST_F(EngineTest, TypesThatNobodyLooksAtStillTellSeriesApart) {
  constexpr std::string_view kQuery = "sum by (host) (count_over_time(typed[5m]))";
  store_.add(Labels{{"__name__", "typed"}, {"__type__", "counter"}, {"disk", "1"}, {"host", "a"}}, 0, 1);
  store_.add(Labels{{"__name__", "typed"}, {"disk", "2"}, {"host", "a"}}, 0, 1);
  EXPECT_THAT(lines(engine().instant(kQuery, 0)), ElementsAre("{host=\"a\"} 2@0"));
  store_.add(Labels{{"__name__", "typed"}, {"disk", "1"}, {"host", "a"}}, 0, 1);
  EXPECT_THAT(lines(engine().instant(kQuery, 0)),
              ElementsAre("error: vector cannot contain metrics with the same labelset"));
}

TEST_F(EngineTest, TheBestOfEachGroup) {
  store_.add(Labels{{"__name__", "m"}, {"g", "x"}, {"i", "1"}}, 0, 3);
  store_.add(Labels{{"__name__", "m"}, {"g", "x"}, {"i", "2"}}, 0, std::numeric_limits<double>::quiet_NaN());
  store_.add(Labels{{"__name__", "m"}, {"g", "x"}, {"i", "3"}}, 0, 7);
  store_.add(Labels{{"__name__", "m"}, {"g", "y"}, {"i", "4"}}, 0, -1);
  Engine& e = engine();
  EXPECT_THAT(lines(e.instant("topk by (g) (2, m)", 0)),
              ElementsAre("m{g=\"x\", i=\"3\"} 7@0", "m{g=\"x\", i=\"1\"} 3@0", "m{g=\"y\", i=\"4\"} -1@0"));
  EXPECT_THAT(lines(e.instant("bottomk(1, m)", 0)), ElementsAre("m{g=\"y\", i=\"4\"} -1@0"));
  EXPECT_THAT(lines(e.instant("topk(1, last_over_time(m[1m]))", 0)), ElementsAre("m{g=\"x\", i=\"3\"} 7@0"));
  EXPECT_THAT(lines(e.instant("topk(0, m)", 0)), ElementsAre());
  EXPECT_THAT(lines(e.instant("topk(NaN, m)", 0)), ElementsAre("error: Parameter value is NaN"));
}

// Where two metrics take turns, their nameless results are one series.
TEST_F(EngineTest, SeriesThatTakeTurnsBecomeOne) {
  store_.add(Labels{{"__name__", "old"}}, 0, 1);
  store_.add(Labels{{"__name__", "old"}}, kMinuteMs, stale_nan());
  store_.add(Labels{{"__name__", "new"}}, kMinuteMs, 2);
  Engine& e = engine();
  EXPECT_THAT(lines(e.range("abs({__name__=~'old|new'})", 0, kMinuteMs, kMinuteMs)), ElementsAre("{} 1@0 2@60000"));
  EXPECT_THAT(lines(e.range("-{__name__=~'old|new'}", 0, kMinuteMs, kMinuteMs)), ElementsAre("{} -1@0 -2@60000"));
  EXPECT_THAT(lines(e.range("{__name__=~'old|new'} > bool 1", 0, kMinuteMs, kMinuteMs)), ElementsAre("{} 0@0 1@60000"));
  EXPECT_THAT(lines(e.range("topk(1, {__name__=~'old|new'} + 1)", 0, kMinuteMs, kMinuteMs)),
              ElementsAre("{} 2@0 3@60000"));
  EXPECT_THAT(lines(e.range("last_over_time(abs({__name__=~'old|new'})[1m:1m])", 0, kMinuteMs, kMinuteMs)),
              ElementsAre("{} 1@0 2@60000"));
}

TEST_F(EngineTest, SubqueryStep) {
  Engine& e = engine();
  EXPECT_THAT(lines(e.instant("count_over_time(requests_total{host='a'}[10m:])", 10 * kMinuteMs)),
              ElementsAre("{host=\"a\"} 10@600000"));
  e.set_subquery_step(5 * kMinuteMs);
  EXPECT_THAT(lines(e.instant("count_over_time(requests_total{host='a'}[10m:])", 10 * kMinuteMs)),
              ElementsAre("{host=\"a\"} 2@600000"));
}

TEST_F(EngineTest, Errors) {
  struct Case {
    std::string_view expression;
    Code code;
    std::string_view message;
  };
  const Case cases[] = {
      {"sum(", Code::kInvalid, "parse error"},
      {"holt_winters(x[5m], 0.5, 0.5)", Code::kInvalid, "unknown function"},
      {"info(x, y)", Code::kInvalid, "expected label selectors only"},
      {"1 </ 2", Code::kExecution, "not allowed for Scalar operations"},
      {"label_replace(requests_total, 'a', '$1', 'host', '(')", Code::kExecution, "invalid regular expression"},
      {"topk(1e300, requests_total)", Code::kExecution, "overflows int64"},
      {"requests_total + on() errors_total", Code::kExecution, "many-to-one matching must be explicit"},
  };
  EngineOptions options;
  options.parser.experimental_functions = true;
  Engine& e = engine(options);
  for (const Case& c : cases) {
    const auto result = e.instant(c.expression, 0);
    ASSERT_FALSE(result) << c.expression;
    EXPECT_EQ(result.error().code(), c.code) << c.expression << ": " << result.error().message();
    EXPECT_THAT(result.error().message(), HasSubstr(c.message)) << c.expression;
  }
  const auto range = e.range("requests_total[5m]", 0, kMinuteMs, kMinuteMs);
  ASSERT_FALSE(range);
  EXPECT_EQ(range.error().code(), Code::kInvalid);
  EXPECT_EQ(range.error().message(),
            "invalid expression type \"range vector\" for range query, must be Scalar or instant Vector");
  EXPECT_EQ(e.instant("1", int64_t{1} << 62).error().code(), Code::kInvalid);
  EXPECT_THAT(metrics(), HasSubstr("tidemark_query_failures_total{reason=\"execution\"} 4"));
}

TEST_F(EngineTest, SampleLimit) {
  EngineOptions options;
  options.samples_max = 20;
  Engine& e = engine(options);
  EXPECT_TRUE(e.range("topk(3, requests_total)", 0, kMinuteMs, kMinuteMs));
  const auto result = e.range("topk(3, requests_total)", 0, 10 * kMinuteMs, kMinuteMs);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::kLimit);
  EXPECT_EQ(result.error().message(), "query processing would load too many samples into memory in query execution");
  EXPECT_TRUE(e.range("topk(3, requests_total)", 0, kMinuteMs, kMinuteMs)) << "the budget is each query's own";
}

// Each of these would need memory without bound if any operator forgot to ask.
TEST_F(EngineTest, ByteLimit) {
  EngineOptions options;
  options.bytes_max = 1 << 20;
  options.samples_max = SIZE_MAX;
  Engine& e = engine(options);
  for (const std::string_view expression :
       {"1", "vector(1)", "time() + 1", "minute()", "absent(requests_total)", "scalar(requests_total)",
        "requests_total", "requests_total + requests_total", "requests_total * 2", "quantile(0.5, requests_total)",
        "sum(requests_total)", "requests_total @ 0", "rate(requests_total[5m])", "clamp(requests_total, 1, time())",
        "sum_over_time(vector(1)[100y:1ms])", "count_values('x', requests_total)"}) {
    const auto result = e.range(expression, 0, int64_t{1} << 40, 1);
    ASSERT_FALSE(result) << expression;
    EXPECT_EQ(result.error().code(), Code::kLimit) << expression;
    EXPECT_THAT(result.error().message(), HasSubstr("1048576 bytes")) << expression;
  }
  EXPECT_TRUE(e.instant("sum_over_time(requests_total[10m:1s])", 10 * kMinuteMs));
}

TEST_F(EngineTest, DeadlineAndCancellation) {
  std::atomic<bool> canceled{false};
  int64_t advance_ms = 0;
  WatchedStore watched(store_, [&] {
    clock_.advance_ms(advance_ms);
    if (advance_ms == 0) canceled = true;
  });
  Engine e(watched, {}, clock_, registry_);

  advance_ms = 3'000;
  QueryOptions query;
  query.timeout_ms = 2'000;
  const auto late = e.instant("sum(requests_total)", 0, query);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), Code::kTimeout);
  EXPECT_EQ(late.error().message(), "query timed out in expression evaluation");

  // More than the engine grants is not to be had.
  advance_ms = EngineOptions().timeout_ms + 1'000;
  for (const int64_t timeout_ms : {advance_ms * 2, std::numeric_limits<int64_t>::max()}) {
    query.timeout_ms = timeout_ms;
    const auto patient = e.instant("sum(requests_total)", 0, query);
    ASSERT_FALSE(patient) << timeout_ms;
    EXPECT_EQ(patient.error().code(), Code::kTimeout) << timeout_ms;
  }

  advance_ms = 0;
  query.canceled = &canceled;
  const auto stopped = e.instant("sum(requests_total)", 0, query);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code(), Code::kCanceled);
}

TEST_F(EngineTest, ListsWhatRunsAndEndsOneOfThem) {
  Engine* engine = nullptr;
  std::vector<ActiveQuery> seen;
  bool kill = false;
  WatchedStore watched(store_, [&] {
    clock_.advance_ms(1'500);
    seen = engine->active();
    if (kill) {
      EXPECT_TRUE(engine->kill(seen.at(0).id));
    }
  });
  Engine e(watched, {}, clock_, registry_);
  engine = &e;
  EXPECT_TRUE(e.active().empty());
  EXPECT_TRUE(e.range("sum(requests_total)", 1'000, 61'000, 30'000));
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].text, "sum(requests_total)");
  EXPECT_FALSE(seen[0].instant);
  EXPECT_EQ(seen[0].state, ActiveQuery::State::kRunning);
  EXPECT_EQ(seen[0].start_ms, 1'000);
  EXPECT_EQ(seen[0].end_ms, 61'000);
  EXPECT_EQ(seen[0].step_ms, 30'000);
  EXPECT_EQ(seen[0].seconds, 1.5);
  EXPECT_TRUE(e.active().empty());

  const uint64_t first = seen[0].id;
  kill = true;
  const auto killed = e.instant("sum(requests_total)", 0);
  ASSERT_FALSE(killed);
  EXPECT_EQ(killed.error().code(), Code::kCanceled);
  EXPECT_GT(seen[0].id, first);
  EXPECT_FALSE(e.kill(seen[0].id)) << "it has ended";
}

TEST_F(EngineTest, WhatAllQueriesHoldIsLimitedAndGivenBack) {
  EngineOptions options;
  options.bytes_all_max = 500;
  Engine& e = engine(options);
  for (int i = 0; i < 3; ++i) {
    const auto refused = e.range("requests_total", 0, 10 * kMinuteMs, 1'000);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::kLimit);
    EXPECT_THAT(refused.error().message(), HasSubstr("all queries together would hold more than their budget of 500"));
  }
  options.bytes_all_max = 1'000'000;
  Engine& enough = engine(options);
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(enough.range("requests_total", 0, 10 * kMinuteMs, 1'000));
}

TEST_F(EngineTest, LogsWhatTookLong) {
  ::tidemark::testing::MemoryLogger logger;
  EngineOptions options;
  options.logger = &logger;
  options.slow_ms = 2'000;
  int64_t advance_ms = 1'000;
  WatchedStore watched(store_, [&] { clock_.advance_ms(advance_ms); });
  Engine e(watched, options, clock_, registry_);
  EXPECT_TRUE(e.instant("sum(requests_total)", 60'000));
  EXPECT_THAT(logger.lines(), IsEmpty());
  advance_ms = 2'500;
  EXPECT_TRUE(e.range("max(requests_total)", 0, 60'000, 30'000));
  ASSERT_EQ(logger.lines().size(), 1u);
  const std::string line = logger.lines()[0];
  for (const char* part :
       {"level=WARN", "slow query", "max(requests_total)", "end=60.000", "step=30.000", "seconds=2.500", "samples=6"}) {
    EXPECT_THAT(line, HasSubstr(part));
  }
  EXPECT_TRUE(e.instant(std::string(5'000, ' ') + "up", 0));
  EXPECT_LT(logger.lines().at(1).size(), 2'000u);
  EXPECT_THAT(metrics(), HasSubstr("tidemark_query_slow_total 2"));
}

TEST_F(EngineTest, WaitsForATurnAndRefusesWhenTooManyWait) {
  EngineOptions options;
  options.concurrency_max = 1;
  options.waiting_max = 1;
  std::atomic<bool> inside{false};
  std::atomic<bool> go{false};
  WatchedStore watched(store_, [&] {
    inside = true;
    ::tidemark::testing::eventually([&] { return go.load(); });
  });
  Engine e(watched, options, system_clock(), registry_);

  std::atomic<int> answered{0};
  const auto ask = [&] { answered += e.instant("sum(requests_total)", 0) ? 1 : 0; };
  std::thread first(ask);
  ASSERT_TRUE(::tidemark::testing::eventually([&] { return inside.load(); }));
  std::thread second(ask);
  ASSERT_TRUE(
      ::tidemark::testing::eventually([&] { return metrics().find("tidemark_query_waiting 1") != std::string::npos; }));

  const auto third = e.instant("1", 0);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code(), Code::kUnavailable);
  EXPECT_EQ(answered, 0);
  go = true;
  first.join();
  second.join();
  EXPECT_EQ(answered, 2);

  // One that may not wait long enough.
  go = false;
  inside = false;
  std::thread fourth(ask);
  ASSERT_TRUE(::tidemark::testing::eventually([&] { return inside.load(); }));
  QueryOptions hurried;
  hurried.timeout_ms = 1;
  const auto late = e.instant("1", 0, hurried);
  go = true;
  fourth.join();
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), Code::kTimeout);
  EXPECT_THAT(metrics(), HasSubstr("tidemark_query_running 0"));
}

// As deep as the parser lets an expression be.
TEST_F(EngineTest, DeepExpressions) {
  std::string deep_set = "requests_total";
  std::string deep_sum = "1";
  for (int i = 0; i < 900; ++i) {
    deep_set += " or requests_total";
    deep_sum += " + 1";
  }
  Engine& e = engine();
  EXPECT_THAT(lines(e.instant("count(" + deep_set + ")", 0)), ElementsAre("{} 3@0"));
  EXPECT_THAT(lines(e.instant(deep_sum, 0)), ElementsAre("{} 901@0"));
  std::string deep_abs = "requests_total{host='b'}";
  for (int i = 0; i < 200; ++i) deep_abs = "abs(" + deep_abs + ")";
  EXPECT_THAT(lines(e.instant(deep_abs, kMinuteMs)), ElementsAre("{host=\"b\"} 2@60000"));
}

TEST_F(EngineTest, AnnotationsAreFew) {
  for (int i = 0; i < 30; ++i) {
    const std::string name = "gauge_" + std::to_string(i);
    store_.add(Labels{{"__name__", name}, {"n", name}}, 0, 1);
    store_.add(Labels{{"__name__", name}, {"n", name}}, kMinuteMs, 2);
  }
  const auto result = engine().instant("rate({__name__=~'gauge_.*'}[5m])", kMinuteMs);
  ASSERT_TRUE(result);
  ASSERT_EQ(result->infos.size(), 11U);
  EXPECT_THAT(result->infos[0], StartsWith("PromQL info: metric might not be a counter, name does not end in "
                                           "_total/_sum/_count/_bucket: \"gauge_"));
  EXPECT_EQ(result->infos[10], "20 more info annotations omitted");
  EXPECT_THAT(result->warnings, IsEmpty());
}

}  // namespace
}  // namespace tidemark::promql
