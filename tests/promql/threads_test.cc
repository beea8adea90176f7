// Several threads at one query: the same answer to the bit, the same errors, and nothing is held afterwards.
#include <gtest/gtest.h>
#include <prometheus/gauge.h>

#include <atomic>
#include <bit>
#include <new>
#include <random>
#include <thread>

#include "aggregator/promql/engine.h"
#include "aggregator/promql/helpers.h"
#include "aggregator/promql/stripes.h"
#include "tests/storage/store_fixture.h"
#include "tests/support/eventually.h"

namespace tidemark::promql {
namespace {

using ::tidemark::testing::eventually;

constexpr int64_t kStartMs = 1'700'000'000'000;
constexpr int64_t kStepMs = 15'000;
constexpr int kSeries = 900;
constexpr int kSamples = 240;  // An hour.
constexpr int64_t kEndMs = kStartMs + kSamples * kStepMs;

class ThreadsTest : public storage::StoreFixture {
 protected:
  // Some of it in files, the rest in memory.
  void fill() {
    std::mt19937_64 random(7);
    open();
    for (int s = 0; s < kSamples; ++s) {
      if (s == kSamples / 2) {
        close();
        open();
      }
      clock_.set_now_ms(kStartMs + s * kStepMs);
      storage::Batch batch;
      for (int i = 0; i < kSeries; ++i) {
        if (i % 7 == 0 && s % 50 < 20) continue;
        const double v =
            i % 3 == 0 ? static_cast<double>(s * i % 1'000) : std::ldexp(static_cast<double>(random()), -40);
        batch.add(storage::kNoRef, series(i), kStartMs + s * kStepMs, i % 11 == 0 && s % 60 == 59 ? stale_nan() : v);
      }
      const auto report = store_->commit(batch);
      ASSERT_TRUE(report && report->refused() == 0);
    }
  }
  static Labels series(int i) {
    return Labels{{"__name__", "m_total"}, {"group", std::to_string(i % 5)}, {"i", std::to_string(i)}};
  }

  std::unique_ptr<Engine> engine(unsigned threads, EngineOptions options = {}) {
    options.threads_max = threads;
    registries_.push_back(std::make_unique<prometheus::Registry>());
    return std::make_unique<Engine>(*store_, options, clock_, *registries_.back());
  }

  // Every bit of an answer.
  static std::string text(const Result<QueryResult>& result) {
    if (!result) return "error: " + result.error().message();
    std::string out;
    for (const ResultSeries& one : result->series) {
      out += one.labels.to_string();
      for (const Sample& s : one.samples) {
        out += " " + std::to_string(std::bit_cast<uint64_t>(s.v)) + "@" + std::to_string(s.t_ms);
      }
      out += "\n";
    }
    for (const std::string& warning : result->warnings) out += "warning: " + warning + "\n";
    for (const std::string& info : result->infos) out += "info: " + info + "\n";
    return out;
  }

  std::vector<std::unique_ptr<prometheus::Registry>> registries_;
};

TEST_F(ThreadsTest, TheAnswerIsTheSameToTheBit) {
  fill();
  const auto one = engine(1);
  const auto four = engine(4);
  for (const char* query : {
           "m_total",
           "sum(m_total)",
           "sum by (group) (rate(m_total[5m]))",
           "avg without (i) (m_total)",
           "stddev(rate(m_total[2m]))",
           "topk(5, increase(m_total[10m]))",
           "quantile by (group) (0.9, rate(m_total[5m]))",
           "max_over_time(m_total[90s])",
           "max_over_time(sum(rate(m_total[5m]))[10m:1m])",
           "m_total / on (i) m_total offset 5m",
           "count(timestamp(m_total))",
           "quantile_over_time(2, m_total[1m])",
           "double_exponential_smoothing(m_total[5m], 2, 0.1)",
           "sum(label_replace(m_total, 'i', 'x', '', ''))",
           "label_replace(rate(m_total[1m]), 'i', 'x', '', '')",
           "absent_over_time(nothing[5m])",
       }) {
    SCOPED_TRACE(query);
    const std::string want = text(one->range(query, kStartMs, kEndMs, 60'000));
    EXPECT_FALSE(want.empty());
    for (int i = 0; i < 3; ++i) ASSERT_EQ(text(four->range(query, kStartMs, kEndMs, 60'000)), want);
    ASSERT_EQ(text(four->instant(query, kEndMs)), text(one->instant(query, kEndMs)));
  }
}

TEST_F(ThreadsTest, LimitsHoldForAllOfThemTogether) {
  fill();
  EngineOptions options;
  options.bytes_max = 500'000;
  const auto small = engine(4, options);
  const auto refused = small->range("m_total", kStartMs, kEndMs, kStepMs);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kLimit);
  // And what they held is given back.
  for (int i = 0; i < 20; ++i) {
    const auto answer = small->instant("count(m_total)", kEndMs);
    ASSERT_TRUE(answer) << answer.error().message();
  }
  options = {};
  options.samples_max = 3'000;
  const auto few = engine(4, options)->range("quantile(0.5, m_total)", kStartMs, kEndMs, kStepMs);
  ASSERT_FALSE(few);
  EXPECT_NE(few.error().message().find("too many samples"), std::string::npos);
}

TEST_F(ThreadsTest, QueriesWritesAndCancelsAtOnce) {
  fill();
  const auto shared = engine(3);
  std::atomic<bool> done{false};
  std::atomic<int> answered{0};
  std::atomic<int> canceled{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      std::atomic<bool> cancel{false};
      for (int i = 0; !done; ++i) {
        QueryOptions options;
        options.canceled = &cancel;
        cancel = t == 0 && i % 2 == 1;
        const auto answer = shared->range("sum(rate(m_total[5m]))", kStartMs, kEndMs, 60'000, options);
        if (answer) {
          EXPECT_EQ(answer->series.size(), 1u);
          ++answered;
        } else {
          EXPECT_EQ(answer.error().code(), Code::kCanceled) << answer.error().message();
          ++canceled;
        }
      }
    });
  }
  for (int s = 0; s < 200 && !(answered > 20 && canceled > 5 && s > 20); ++s) {
    const int64_t t_ms = kEndMs + s * kStepMs;
    clock_.set_now_ms(t_ms);
    storage::Batch batch;
    for (int i = 0; i < kSeries; ++i) batch.add(storage::kNoRef, series(i), t_ms, s);
    EXPECT_TRUE(store_->commit(batch));
  }
  EXPECT_TRUE(eventually([&] { return answered > 20 && canceled > 5; }));
  done = true;
  for (std::thread& thread : threads) thread.join();
}

class OneEach final : public SeriesWork {
 public:
  Status compute(storage::SeriesSet&, Column& out) override {
    out.reset(1);
    out.set(0, 1);
    return {};
  }
};

TEST_F(ThreadsTest, ASinkThatThrowsLetsTheHelpersGo) {
  fill();
  prometheus::Gauge busy;
  Helpers helpers(3, busy);
  const auto querier = store_->querier();
  ASSERT_TRUE(querier);
  for (int i = 0; i < 20; ++i) {
    const QueryLimits limits{.deadline_ns = INT64_MAX, .samples_max = 1'000'000, .bytes_max = 100'000'000};
    QueryAccount account(clock_, limits);
    QueryContext context("m_total", **querier, account, {}, &helpers);
    const auto set = (*querier)->select({Matcher::equal(kMetricName, "m_total")}, kStartMs, kEndMs, {}, false);
    ASSERT_GE(set->stripes(), 10u);
    int seen = 0;
    FunctionSink throws([&](Series&) -> Status {
      if (++seen == 100) throw std::bad_alloc();
      return {};
    });
    const MakeSeriesWork make = [](QueryContext&) { return std::make_unique<OneEach>(); };
    EXPECT_THROW(static_cast<void>(push_series(context, *set, 1, make, throws)), std::bad_alloc);
    EXPECT_EQ(seen, 100);
  }
  EXPECT_EQ(busy.Value(), 0);
}

class CountingJob final : public Job {
 public:
  void help() override {
    ++at_work;
    while (!let_go) std::this_thread::yield();
    ++ended;
  }
  std::atomic<int> at_work{0};
  std::atomic<int> ended{0};
  std::atomic<bool> let_go{false};
};

TEST(Helpers, AsManyAsAskedForAndAllBackAtTheEnd) {
  prometheus::Gauge busy;
  Helpers helpers(4, busy);
  CountingJob job;
  {
    const Helpers::Loan loan(helpers, job, 3);
    EXPECT_TRUE(eventually([&] { return job.at_work == 3; }));
    EXPECT_EQ(busy.Value(), 3);
    CountingJob other;
    {
      const Helpers::Loan second(helpers, other, 9);
      EXPECT_TRUE(eventually([&] { return other.at_work == 1; }));
      other.let_go = true;
    }
    EXPECT_EQ(other.at_work, other.ended);
    EXPECT_EQ(job.at_work, 3);
    job.let_go = true;
  }
  EXPECT_EQ(job.ended, 3);
}

TEST(Helpers, NobodyWaitsForThem) {
  prometheus::Gauge busy;
  Helpers none(0, busy);
  CountingJob job;
  { const Helpers::Loan loan(none, job, 3); }
  EXPECT_EQ(job.at_work, 0);
}

}  // namespace
}  // namespace tidemark::promql
