// What ingest notices of queries that are too much: the time of a commit, without and with them.
//
//   killer_queries [--series=20000] [--minutes=60] [--seconds=10] [--queries=8]
//
// A store in a temporary directory gets `minutes` of samples, 15 s apart. Then one thread commits what scrapes would, a
// hundred batches a second, each of a hundredth of the series: 20,000 series are 20,000 samples a second, 15 times what
// scrapes every 15 s of them would be. For `seconds` it is alone; then as many threads as `queries` ask one killer
// after the other, with the engine's default limits and a timeout of ten seconds.
//
//   commits of     alone, or with the queries
//   p50, p99, max  of a commit's time, in milliseconds, waiting for the processor included
//   late           batches that began more than 10 ms after their time
//   rss_mb         of the process at its highest so far
// and for each killer how many were answered, refused (a limit was passed) and cut short (timeout), and their longest
// time in seconds.
#include <prometheus/registry.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "aggregator/promql/engine.h"
#include "aggregator/storage/store.h"
#include "model/mutex.h"
#include "tests/support/temp_dir.h"

namespace tidemark {
namespace {

using std::chrono::steady_clock;

constexpr int64_t kScrapeMs = 15'000;
constexpr int kBatchesASecond = 100;
constexpr auto kBatchEvery = std::chrono::microseconds(1'000'000 / kBatchesASecond);
constexpr int64_t kQueryTimeoutMs = 10'000;
constexpr size_t kSeriesOfAHost = 1'000;

struct Settings {
  int series = 20'000;
  int minutes = 60;
  int seconds = 10;
  int queries = 8;
};

// Instant where `step_ms` is 0, else over the whole time.
struct Killer {
  const char* query;
  int64_t step_ms;
};
constexpr std::array<Killer, 10> kKillers = {{
    {"{job=\"node\"}", 1'000},
    {"topk(1000000, rate({job=\"node\"}[5m]))", 5'000},
    {"quantile(0.99, {job=\"node\"})", 1'000},
    {"quantile_over_time(0.9, {job=\"node\"}[1h])", 15'000},
    {"max_over_time(sum by (host) ({job=\"node\"})[1h:1s])", 0},
    {"count_values(\"value\", {job=\"node\"})", 15'000},
    {"{job=\"node\"} * on (host, series) group_left () {job=\"node\"}", 15'000},
    {"sort_by_label(label_replace({job=\"node\"}, \"x\", \"$2$1\", \"series\", \"(.)(.*)\"), \"x\", \"host\")", 0},
    {"stddev by (host, series) (avg_over_time({job=~\".*o.*\"}[30m]))", 5'000},
    {"{job=\"node\"}[1h]", 0},
}};

struct Outcomes {
  int answered = 0;
  int refused = 0;
  int cut_short = 0;
  double longest_s = 0;
};

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "killer_queries: %s\n", why.c_str());
  std::exit(1);
}

double ms_since(steady_clock::time_point began) {
  return std::chrono::duration<double, std::milli>(steady_clock::now() - began).count();
}

class KillerQueries {
 public:
  explicit KillerQueries(const Settings& settings) : settings_(settings) {
    storage::Options options;
    options.path = dir_.file("data");
    auto store = storage::Store::open(options, system_clock(), null_logger(), registry_);
    if (!store) give_up(store.error().message());
    store_ = std::move(*store);
    promql::EngineOptions engine_options;
    engine_options.parser.experimental_functions = true;
    engine_ = std::make_unique<promql::Engine>(*store_, engine_options, system_clock(), registry_);
    for (int i = 0; i < settings.series; ++i) {
      const size_t n = static_cast<size_t>(i);
      labels_.push_back(Labels{{"__name__", "metric_" + std::to_string(n % kSeriesOfAHost / 10)},
                               {"host", "host-" + std::to_string(n / kSeriesOfAHost)},
                               {"job", "node"},
                               {"series", std::to_string(n % kSeriesOfAHost)}});
    }
    refs_.resize(labels_.size(), storage::kNoRef);
  }

  void run() {
    fill();
    std::printf("%-10s %8s %8s %8s %8s %6s %8s\n", "commits of", "batches", "p50_ms", "p99_ms", "max_ms", "late",
                "rss_mb");
    ingest("alone");
    std::vector<std::thread> askers;
    for (int i = 0; i < settings_.queries; ++i) askers.emplace_back([this, i] { ask_on(static_cast<size_t>(i)); });
    ingest("with them");
    done_ = true;
    engine_->cancel_all();
    for (std::thread& asker : askers) asker.join();
    std::printf("\n%8s %8s %9s %10s  %s\n", "answered", "refused", "cut_short", "longest_s", "query");
    const MutexLock lock(mu_);
    for (size_t i = 0; i < kKillers.size(); ++i) {
      const Outcomes& o = outcomes_[i];
      std::printf("%8d %8d %9d %10.2f  %s\n", o.answered, o.refused, o.cut_short, o.longest_s, kKillers[i].query);
    }
  }

 private:
  void fill() {
    end_ms_ = system_clock().now_ms() / kScrapeMs * kScrapeMs;
    begin_ms_ = end_ms_ - settings_.minutes * int64_t{60'000};
    for (int64_t t_ms = begin_ms_; t_ms < end_ms_; t_ms += kScrapeMs) commit(0, refs_.size(), t_ms);
  }

  void commit(size_t begin, size_t end, int64_t t_ms) {
    batch_.clear();
    for (size_t i = begin; i < end; ++i) {
      const double value = static_cast<double>((t_ms / 1'000 + static_cast<int64_t>(i * 7919)) % 100'003);
      batch_.add(refs_[i], labels_[i].view(), t_ms, value);
    }
    const auto report = store_->commit(batch_);
    if (!report) give_up(report.error().message());
    if (report->accepted() != batch_.size()) give_up("samples were refused");
    for (size_t i = begin; i < end; ++i) refs_[i] = batch_.ref(i - begin);
  }

  void ingest(const char* what) {
    const size_t part = refs_.size() / kBatchesASecond;
    std::vector<double> times_ms;
    size_t late = 0;
    const auto began = steady_clock::now();
    for (int i = 0; i < settings_.seconds * kBatchesASecond; ++i) {
      const auto due = began + i * kBatchEvery;
      std::this_thread::sleep_until(due);
      late += ms_since(due) > 10;
      const auto begun = steady_clock::now();
      const size_t place = static_cast<size_t>(i) % kBatchesASecond;
      if (place == 0) end_ms_ = std::max(end_ms_ + 1, system_clock().now_ms());
      commit(place * part, (place + 1) * part, end_ms_);
      times_ms.push_back(ms_since(begun));
    }
    std::sort(times_ms.begin(), times_ms.end());
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    std::printf("%-10s %8zu %8.2f %8.2f %8.2f %6zu %8ld\n", what, times_ms.size(), times_ms[times_ms.size() / 2],
                times_ms[times_ms.size() * 99 / 100], times_ms.back(), late, usage.ru_maxrss / 1024);
    std::fflush(stdout);
  }

  void ask_on(size_t turn) {
    promql::QueryOptions options;
    options.timeout_ms = kQueryTimeoutMs;
    for (; !done_; ++turn) {
      const size_t at = turn % kKillers.size();
      const Killer& killer = kKillers[at];
      const int64_t now_ms = system_clock().now_ms();
      const auto began = steady_clock::now();
      const auto result = killer.step_ms == 0
                              ? engine_->instant(killer.query, now_ms, options)
                              : engine_->range(killer.query, begin_ms_, now_ms, killer.step_ms, options);
      const MutexLock lock(mu_);
      Outcomes& outcomes = outcomes_[at];
      outcomes.longest_s = std::max(outcomes.longest_s, ms_since(began) / 1000);
      if (result) {
        ++outcomes.answered;
      } else if (result.error().code() == Code::kLimit) {
        ++outcomes.refused;
      } else if (result.error().code() == Code::kTimeout) {
        ++outcomes.cut_short;
      } else if (result.error().code() != Code::kCanceled) {
        give_up(result.error().message());
      }
    }
  }

  const Settings settings_;
  testing::TempDir dir_;
  prometheus::Registry registry_;
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<promql::Engine> engine_;
  std::vector<Labels> labels_;
  std::vector<storage::SeriesRef> refs_;
  storage::Batch batch_;
  int64_t begin_ms_ = 0;
  int64_t end_ms_ = 0;
  std::atomic<bool> done_{false};
  Mutex mu_;
  std::array<Outcomes, kKillers.size()> outcomes_ TM_GUARDED_BY(mu_);
};

}  // namespace
}  // namespace tidemark

int main(int argc, char** argv) {
  tidemark::Settings settings;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    const size_t equals = arg.find('=');
    const std::string name = arg.substr(0, equals);
    const int number = equals == std::string::npos ? 0 : std::atoi(arg.c_str() + equals + 1);
    int* const target = name == "--series"    ? &settings.series
                        : name == "--minutes" ? &settings.minutes
                        : name == "--seconds" ? &settings.seconds
                        : name == "--queries" ? &settings.queries
                                              : nullptr;
    if (target == nullptr || number <= 0) {
      std::fprintf(stderr, "usage: killer_queries [--series=20000] [--minutes=60] [--seconds=10] [--queries=8]\n");
      return 2;
    }
    *target = number;
  }
  tidemark::KillerQueries(settings).run();
  return 0;
}
