// Queries over 1,000 counters of one hour at 15 s (241 samples each), as ten hosts with 100 series give them, from a
// store that hands out plain arrays: what is measured is the engine, decoding aside.
//
//   BM_RateSum        sum by (host) (rate(x[5m])), an hour at one minute: the usual panel
//   BM_RateSumInstant the same for one step: a rule
//   BM_Raw            x itself, an hour at 15 s
//   BM_MaxOverTime    max_over_time(x[30m]): windows much longer than the step
//   BM_AvgOverTime    avg_over_time(x[30m]): a compensated loop for each window
//   BM_Join           x / on (host, series) x: vector matching
//   BM_Quantile       quantile by (host) (0.9, x): keeps its input
//   BM_HistogramQuantile  histogram_quantile(0.99, sum by (le) (rate(h_bucket[5m]))), 100 histograms of 10 buckets
// items are samples of the store that the query covers.
#include <benchmark/benchmark.h>
#include <prometheus/registry.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "aggregator/promql/engine.h"

namespace {

using namespace tidemark;

constexpr int64_t kStepMs = 15'000;
constexpr size_t kSamples = 241;
constexpr int64_t kEndMs = kStepMs * static_cast<int64_t>(kSamples - 1);

class ArrayStore final : public storage::Queryable {
 public:
  struct Entry {
    Labels labels;
    std::vector<double> v;
  };

  ArrayStore() {
    for (size_t i = 0; i < kSamples; ++i) t_ms_.push_back(static_cast<int64_t>(i) * kStepMs);
    for (int host = 0; host < 10; ++host) {
      for (int series = 0; series < 100; ++series) {
        const std::string h = "host-" + std::to_string(host);
        add({{"__name__", "x_total"}, {"host", h}, {"job", "node"}, {"series", std::to_string(series)}}, host + series);
        const std::string le = series % 10 == 9 ? "+Inf" : std::to_string(series % 10 + 1);
        add({{"__name__", "h_bucket"}, {"host", h}, {"le", le}, {"path", std::to_string(series / 10)}}, series % 10);
      }
    }
  }

  Result<std::unique_ptr<storage::Querier>> querier() override {
    return std::unique_ptr<storage::Querier>(std::make_unique<View>(*this));
  }

 private:
  class Set final : public storage::SeriesSet, public storage::SampleReader {
   public:
    Set(const ArrayStore& store, const std::vector<Matcher>& matchers, int64_t min_ms, int64_t max_ms)
        : store_(store), matchers_(matchers), min_ms_(min_ms), max_ms_(max_ms) {}
    bool next() override {
      while (next_series_ < store_.entries_.size()) {
        entry_ = &store_.entries_[next_series_++];
        if (!matches_all(matchers_, entry_->labels)) continue;
        next_sample_ = static_cast<size_t>(std::lower_bound(store_.t_ms_.begin(), store_.t_ms_.end(), min_ms_) -
                                           store_.t_ms_.begin());
        return true;
      }
      return false;
    }
    LabelsView labels() const override { return entry_->labels; }
    storage::SampleReader& samples() override { return *this; }
    Status status() const override { return {}; }
    size_t next(std::span<int64_t> t_ms, std::span<double> v) override {
      size_t n = 0;
      for (; n < v.size() && next_sample_ < kSamples && store_.t_ms_[next_sample_] <= max_ms_; ++n, ++next_sample_) {
        t_ms[n] = store_.t_ms_[next_sample_];
        v[n] = entry_->v[next_sample_];
      }
      return n;
    }

   private:
    const ArrayStore& store_;
    const std::vector<Matcher>& matchers_;
    const int64_t min_ms_;
    const int64_t max_ms_;
    size_t next_series_ = 0;
    size_t next_sample_ = 0;
    const Entry* entry_ = nullptr;
  };

  class View final : public storage::Querier {
   public:
    explicit View(const ArrayStore& store) : store_(store) {}
    std::unique_ptr<storage::SeriesSet> select(const std::vector<Matcher>& matchers, int64_t min_ms, int64_t max_ms,
                                               const storage::SelectHints&, bool) override {
      return std::make_unique<Set>(store_, matchers, min_ms, max_ms);
    }
    Result<std::vector<std::string>> label_names(const std::vector<Matcher>&, int64_t, int64_t, size_t) override {
      return std::vector<std::string>();
    }
    Result<std::vector<std::string>> label_values(std::string_view, const std::vector<Matcher>&, int64_t, int64_t,
                                                  size_t) override {
      return std::vector<std::string>();
    }

   private:
    const ArrayStore& store_;
  };

  // A counter that grows by `slope` a sample and is reset every 100 samples.
  void add(Labels labels, int slope) {
    Entry entry{std::move(labels), {}};
    for (size_t i = 0; i < kSamples; ++i) entry.v.push_back(static_cast<double>(i % 100) * (slope + 1));
    entries_.push_back(std::move(entry));
  }

  std::vector<int64_t> t_ms_;
  std::vector<Entry> entries_;
};

void run(benchmark::State& state, const char* expression, int64_t start_ms, int64_t step_ms, size_t series_expected) {
  static ArrayStore store;
  prometheus::Registry registry;
  promql::Engine engine(store, {}, system_clock(), registry);
  for (auto _ : state) {
    const auto result = engine.range(expression, start_ms, kEndMs, step_ms);
    if (!result || result->series.size() != series_expected) {
      state.SkipWithError(result ? "wrong number of series" : result.error().message().c_str());
      return;
    }
    benchmark::DoNotOptimize(result->series.data());
  }
  state.SetItemsProcessed(state.iterations() * 1000 * static_cast<int64_t>(kSamples));
}

void BM_RateSum(benchmark::State& s) { run(s, "sum by (host) (rate(x_total[5m]))", 0, 60'000, 10); }
void BM_RateSumInstant(benchmark::State& s) { run(s, "sum by (host) (rate(x_total[5m]))", kEndMs, 60'000, 10); }
void BM_Raw(benchmark::State& s) { run(s, "x_total", 0, kStepMs, 1000); }
void BM_MaxOverTime(benchmark::State& s) { run(s, "max_over_time(x_total[30m])", 0, 60'000, 1000); }
void BM_AvgOverTime(benchmark::State& s) { run(s, "avg_over_time(x_total[30m])", 0, 60'000, 1000); }
void BM_Join(benchmark::State& s) { run(s, "x_total / on (host, series) x_total", 0, 60'000, 1000); }
void BM_Quantile(benchmark::State& s) { run(s, "quantile by (host) (0.9, x_total)", 0, 60'000, 10); }
void BM_HistogramQuantile(benchmark::State& s) {
  run(s, "histogram_quantile(0.99, sum by (le) (rate(h_bucket[5m])))", 0, 60'000, 1);
}

BENCHMARK(BM_RateSum)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_RateSumInstant)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Raw)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_MaxOverTime)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_AvgOverTime)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Join)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Quantile)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_HistogramQuantile)->Unit(benchmark::kMillisecond);

}  // namespace
