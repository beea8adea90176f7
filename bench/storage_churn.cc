// A fleet whose series come and go, as containers do: what churn costs the store in memory, files and queries.
//
//   storage_churn [--days=30] [--series-a-day=1000000] [--retention-days=10]
//
// Every ten simulated minutes all series alive end and others take their place: ten a pod, a sample every two minutes.
// Time is a clock of the program's own, so that a month takes minutes. What the store does by the wall clock is asked
// for instead: the log's bound is half an hour's bytes, so checkpoints come as often as they would; retention and the
// work on closed days are waited for once a day.
//
// A line a day:
//   rss_mb        of the process, late in the day
//   active        series in memory; days, files_mb: what is kept
//   new, old      a query over five minutes, late today and late yesterday: milliseconds, series in the answer and
//                 lookups of chunks of one series in files. It selects one metric of ten, so a tenth of those alive.
//
// In the end it reads the directory: series with a record, against those that the days kept hold. It fails, with
// status 1, when an answer lacks a series, when records are left over, or when memory grew by more than a quarter after
// retention had begun to work.
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>
#include <string>
#include <thread>

#include "aggregator/storage/store.h"
#include "aggregator/storage/store_stats.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"

namespace tidemark::storage {
namespace {

using std::chrono::steady_clock;

constexpr int64_t kDayMs = 86'400'000;
constexpr int64_t kStepMs = 120'000;
constexpr int kStepsADay = static_cast<int>(kDayMs / kStepMs);
constexpr int kStepsOfASeries = 5;
constexpr size_t kSeriesOfAPod = 10;
constexpr int64_t kFirstDayMs = 19'700 * kDayMs;
// Of a query: [22:07, 22:12], in which one generation ends and the next begins.
constexpr int64_t kAskedFromMs = 22 * 3'600'000 + 7 * 60'000;
constexpr int64_t kAskedForMs = 300'000;
constexpr int kStepAsked = static_cast<int>((kAskedFromMs + kAskedForMs) / kStepMs);
constexpr size_t kGenerationsAsked = 2;
constexpr auto kPatience = std::chrono::minutes(5);

struct Settings {
  int days = 30;
  size_t series_a_day = 1'000'000;
  int retention_days = 10;
};

struct Asked {
  double ms = 0;
  size_t series = 0;
  double seeks = 0;
};

uint64_t rss_bytes() {
  std::ifstream in("/proc/self/statm");
  uint64_t pages = 0;
  in >> pages >> pages;
  return pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "storage_churn: %s\n", why.c_str());
  std::exit(1);
}

class Churn {
 public:
  explicit Churn(const Settings& settings) : settings_(settings), pods_(pods_at_once(settings)) {
    options_.path = dir_.file("data");
    options_.retention_ms = settings.retention_days * kDayMs;
    options_.log_bytes_max = std::max<uint64_t>(64 << 10, pods_ * kSeriesOfAPod * 15 * 5);
    clock_.set_now_ms(kFirstDayMs);
    auto store = Store::open(options_, clock_, null_logger(), registry_);
    if (!store) give_up(store.error().message());
    store_ = std::move(*store);
    refs_.resize(pods_ * kSeriesOfAPod, kNoRef);
    for (size_t i = 0; i < refs_.size(); ++i) labels_.push_back(labels_of(0, i));
  }

  int run() {
    std::printf("%zu series alive at a time, %zu a day, retention %d days\n", refs_.size(), series_of_a_day(),
                settings_.retention_days);
    std::printf("%4s %7s %7s %8s %5s %9s | %7s %6s %6s | %7s %6s %6s | %7s\n", "day", "rss_mb", "active", "head_mb",
                "days", "files_mb", "new_ms", "series", "seeks", "old_ms", "series", "seeks", "wall_s");
    for (int day = 0; day < settings_.days; ++day) one_day(day);
    if (Status status = store_->close(); !status.ok()) give_up(status.message());
    store_.reset();
    return check_files() && check_memory() ? 0 : 1;
  }

 private:
  static size_t pods_at_once(const Settings& settings) {
    return std::max<size_t>(1, settings.series_a_day * kStepsOfASeries / kStepsADay / kSeriesOfAPod);
  }
  size_t series_of_a_day() const { return refs_.size() * kStepsADay / kStepsOfASeries; }

  static Labels labels_of(uint64_t generation, size_t i) {
    const uint64_t pod = generation * 1'000'003 + i / kSeriesOfAPod;
    return Labels{{"__name__", "container_metric_" + std::to_string(i % kSeriesOfAPod)},
                  {"container", "main"},
                  {"job", "kubelet"},
                  {"namespace", "team-" + std::to_string(pod % 50)},
                  {"pod", "app-" + std::to_string(pod)}};
  }

  void one_day(int day) {
    const auto began = steady_clock::now();
    Asked recent;
    Asked old;
    uint64_t rss = 0;
    for (int step = 0; step < kStepsADay; ++step) {
      const int64_t now_ms = kFirstDayMs + day * kDayMs + step * kStepMs;
      clock_.set_now_ms(now_ms);  // Monotonic time stays: what waits for the disk does so by it.
      if (step % kStepsOfASeries == 0) next_generation();
      commit(now_ms, static_cast<double>(step % kStepsOfASeries));
      // Two hours into the day: the day before is closed.
      if (step == kStepsADay / 12) work_on_files();
      const int64_t asked_ms = kFirstDayMs + day * kDayMs + kAskedFromMs;
      if (step == kStepAsked) {
        recent = ask(asked_ms);
        if (day > 0) old = ask(asked_ms - kDayMs);
        rss = rss_bytes();
      }
    }
    if (day >= settings_.retention_days + 1) {
      rss_least_ = std::min(rss_least_, rss);
      rss_most_ = std::max(rss_most_, rss);
    }
    const Stats stats = store_->stats();
    constexpr double kMB = 1 << 20;
    std::printf("%4d %7.0f %7zu %8.1f %5.1f %9.1f | %7.1f %6zu %6.0f | %7.1f %6zu %6.0f | %7.1f\n", day,
                static_cast<double>(rss) / kMB, stats.active_series, static_cast<double>(stats.head_bytes) / kMB,
                static_cast<double>(stats.max_ms - stats.min_ms) / kDayMs, static_cast<double>(stats.disk_bytes) / kMB,
                recent.ms, recent.series, recent.seeks, old.ms, old.series, old.seeks,
                std::chrono::duration<double>(steady_clock::now() - began).count());
    std::fflush(stdout);
  }

  void next_generation() {
    ++generation_;
    std::fill(refs_.begin(), refs_.end(), kNoRef);
    for (size_t i = 0; i < labels_.size(); ++i) labels_[i] = labels_of(generation_, i);
  }

  void commit(int64_t now_ms, double v) {
    batch_.clear();
    for (size_t i = 0; i < refs_.size(); ++i)
      batch_.add(refs_[i], labels_[i].view(), now_ms, v + static_cast<double>(i));
    const auto report = store_->commit(batch_);
    if (!report) give_up(report.error().message());
    if (report->accepted() != batch_.size()) give_up("samples were refused");
    for (size_t i = 0; i < refs_.size(); ++i) refs_[i] = batch_.ref(i);
  }

  // Retention and the work on closed days. Two rounds: one may be under way.
  void work_on_files() {
    const double before = metric("tidemark_storage_rewrite_rounds_total");
    const auto until = steady_clock::now() + kPatience;
    store_->set_retention(options_.retention_ms, 0);
    while (metric("tidemark_storage_rewrite_rounds_total") < before + 1) {
      if (steady_clock::now() > until) give_up("the work on closed days does not end");
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }

  Asked ask(int64_t from_ms) {
    Asked out;
    const double seeks = metric("tidemark_storage_chunk_seeks_total");
    const auto began = steady_clock::now();
    {
      auto querier = store_->querier();
      if (!querier) give_up(querier.error().message());
      const auto set = (*querier)->select({Matcher::equal(kMetricName, "container_metric_3")}, from_ms,
                                          from_ms + kAskedForMs, {}, true);
      std::vector<int64_t> t_ms(64);
      std::vector<double> v(64);
      while (set->next()) {
        SampleReader& samples = set->samples();
        size_t count = 0;
        while (const size_t some = samples.next(t_ms, v)) count += some;
        out.series += count > 0;
      }
      if (!set->status().ok()) give_up(set->status().message());
    }
    out.ms = std::chrono::duration<double, std::milli>(steady_clock::now() - began).count();
    out.seeks = metric("tidemark_storage_chunk_seeks_total") - seeks;
    if (out.series != kGenerationsAsked * pods_) {
      give_up("a query found " + std::to_string(out.series) + " series instead of " +
              std::to_string(kGenerationsAsked * pods_));
    }
    return out;
  }

  double metric(const std::string& line_start) {
    const std::string text = "\n" + prometheus::TextSerializer().Serialize(registry_.Collect());
    const size_t at = text.find("\n" + line_start + " ");
    if (at == std::string::npos) give_up("there is no metric " + line_start);
    return std::stod(text.substr(at + line_start.size() + 2));
  }

  bool check_files() {
    OfflineStore offline;
    offline.path = options_.path;
    const auto stats = read_store_stats(offline, 1, null_logger());
    if (!stats) give_up(stats.error().message());
    uint64_t held = 0;
    for (const StoreStats::Day& day : stats->days) held += day.series;
    std::printf("%llu series have a record, the %zu days kept hold %llu; %llu bytes in files\n",
                static_cast<unsigned long long>(stats->series), stats->days.size(),
                static_cast<unsigned long long>(held), static_cast<unsigned long long>(stats->disk_bytes));
    return stats->series == held;
  }

  bool check_memory() const {
    if (rss_most_ == 0) return true;
    std::printf("RSS from day %d on: %.0f to %.0f MB\n", settings_.retention_days + 1,
                static_cast<double>(rss_least_) / (1 << 20), static_cast<double>(rss_most_) / (1 << 20));
    return rss_most_ < rss_least_ + rss_least_ / 4;
  }

  const Settings settings_;
  const size_t pods_;  // Alive at a time.
  testing::TempDir dir_;
  testing::FakeClock clock_;
  prometheus::Registry registry_;
  Options options_;
  std::unique_ptr<Store> store_;
  uint64_t generation_ = 0;
  std::vector<Labels> labels_;  // Of the series alive.
  std::vector<SeriesRef> refs_;
  Batch batch_;
  uint64_t rss_least_ = UINT64_MAX;
  uint64_t rss_most_ = 0;
};

}  // namespace
}  // namespace tidemark::storage

int main(int argc, char** argv) {
  tidemark::storage::Settings settings;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    const size_t equals = arg.find('=');
    const std::string value = equals == std::string::npos ? "" : arg.substr(equals + 1);
    const std::string name = arg.substr(0, equals);
    const int number = std::atoi(value.c_str());
    if (name == "--days" && number > 0) {
      settings.days = number;
    } else if (name == "--series-a-day" && number > 0) {
      settings.series_a_day = static_cast<size_t>(number);
    } else if (name == "--retention-days" && number > 0) {
      settings.retention_days = number;
    } else {
      std::fprintf(stderr, "usage: storage_churn [--days=30] [--series-a-day=1000000] [--retention-days=10]\n");
      return 2;
    }
  }
  return tidemark::storage::Churn(settings).run();
}
