// Midnight under push: what a commit takes while every series enters a new day, beside what it takes before and after.
//
//   storage_midnight [--series=120000]
//
// All series get a sample every fifteen simulated seconds, from 23:30 to 00:30, ten thousand a commit, one commit after
// the other as fast as they go, on a clock of the program's own. The first sample of the new day ends the chunk of the
// day before, so four steps after midnight every series has sealed one, and a checkpoint writes them, with the new
// day's postings, beside the commits that follow.
//
// A line a stretch of time: commits, their median, 99th percentile and longest, and what the committing thread itself
// computed in the median and 99th percentile, in milliseconds. It gives no verdict: how long commits wait for a
// processor that the checkpoint has, too, is up to the machine.
#include <prometheus/registry.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <string>
#include <vector>

#include "aggregator/storage/store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"

namespace tidemark::storage {
namespace {

constexpr int64_t kDayMs = 86'400'000;
constexpr int64_t kMidnightMs = 19'701 * kDayMs;
constexpr int64_t kStepMs = 15'000;
constexpr int64_t kMinuteMs = 60'000;
constexpr size_t kBatch = 10'000;

struct Stretch {
  const char* name;
  int64_t from_ms;  // From midnight on; up to the next one's.
  std::vector<double> commit_ms = {};
  std::vector<double> cpu_ms = {};  // Of the thread that commits.
};

double thread_cpu_ms() {
  timespec now = {};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

double percentile(std::vector<double>& values, double p) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(p * static_cast<double>(values.size() - 1))];
}

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "storage_midnight: %s\n", why.c_str());
  std::exit(1);
}

int run(size_t series) {
  const testing::TempDir dir;
  testing::FakeClock clock(kMidnightMs - 30 * kMinuteMs);
  prometheus::Registry registry;
  Options options;
  options.path = dir.file("data");
  auto store = Store::open(options, clock, null_logger(), registry);
  if (!store) give_up(store.error().message());
  std::vector<Labels> labels;
  std::vector<SeriesRef> refs(series, kNoRef);
  for (size_t i = 0; i < series; ++i) {
    labels.push_back(Labels{{"__name__", "metric_" + std::to_string(i % 500)},
                            {"instance", "host-" + std::to_string(i / 1000)},
                            {"job", "node"},
                            {"part", std::to_string(i % 1000)}});
  }
  Stretch stretches[] = {{"23:30 to 23:32, series are new", -30 * kMinuteMs},
                         {"23:32 to 00:00", -28 * kMinuteMs},
                         {"00:00 to 00:01", 0},
                         {"00:01 to 00:05", kMinuteMs},
                         {"00:05 to 00:30", 5 * kMinuteMs}};
  Batch batch;
  for (int64_t t_ms = -30 * kMinuteMs; t_ms < 30 * kMinuteMs; t_ms += kStepMs) {
    const int64_t step = t_ms / kStepMs;
    clock.set_now_ms(kMidnightMs + t_ms);  // Monotonic time stays: what waits for the disk does so by it.
    Stretch* at = stretches;
    while (at + 1 < std::end(stretches) && t_ms >= at[1].from_ms) ++at;
    for (size_t begin = 0; begin < series; begin += kBatch) {
      const size_t end = std::min(series, begin + kBatch);
      batch.clear();
      for (size_t i = begin; i < end; ++i) {
        const int64_t counted = step * static_cast<int64_t>(i % 97 + 1);
        const double v = static_cast<double>(counted) + 0.25 * static_cast<double>(i % 4);
        batch.add(refs[i], labels[i].view(), kMidnightMs + t_ms, v);
      }
      const auto began = std::chrono::steady_clock::now();
      const double cpu_before_ms = thread_cpu_ms();
      const auto report = (*store)->commit(batch);
      const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - began;
      if (!report || report->accepted() != end - begin) give_up("samples were refused");
      at->commit_ms.push_back(took.count());
      at->cpu_ms.push_back(thread_cpu_ms() - cpu_before_ms);
      for (size_t i = begin; i < end; ++i) refs[i] = batch.ref(i - begin);
    }
  }
  std::printf("%zu series, %zu samples a commit\n%-32s %8s %8s %8s %8s %8s %8s\n", series, kBatch, "", "commits",
              "p50_ms", "p99_ms", "max_ms", "cpu_p50", "cpu_p99");
  for (Stretch& one : stretches) {
    std::printf("%-32s %8zu %8.2f %8.2f %8.2f %8.2f %8.2f\n", one.name, one.commit_ms.size(),
                percentile(one.commit_ms, 0.5), percentile(one.commit_ms, 0.99), percentile(one.commit_ms, 1),
                percentile(one.cpu_ms, 0.5), percentile(one.cpu_ms, 0.99));
  }
  if (Status status = (*store)->close(); !status.ok()) give_up(status.message());
  return 0;
}

}  // namespace
}  // namespace tidemark::storage

int main(int argc, char** argv) try {
  size_t series = 120'000;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    const std::string flag = "--series=";
    if (!arg.starts_with(flag) || std::atoi(arg.c_str() + flag.size()) < 1) {
      std::fprintf(stderr, "usage: storage_midnight [--series=120000]\n");
      return 2;
    }
    series = static_cast<size_t>(std::atoi(arg.c_str() + flag.size()));
  }
  return tidemark::storage::run(series);
} catch (const std::exception& error) {
  std::fprintf(stderr, "storage_midnight: %s\n", error.what());
  return 1;
}
