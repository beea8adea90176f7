// The exporter on this host, without HTTP:
//   collect          all default collectors into families
//   page             collect, the exporter's own metrics, and the text page
//   collector/NAME   one collector, the read of its file included
//
// "allocations" are calls of operator new in one of them, once everything has its size.
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "exporter/collection.h"
#include "exporter/collector_table.h"
#include "exporter/process_metrics.h"
#include "exporter/web.h"

namespace {
std::atomic<uint64_t> allocation_count{0};
}  // namespace

[[gnu::noinline]] void* operator new(size_t bytes) {
  allocation_count.fetch_add(1, std::memory_order_relaxed);
  if (void* at = std::malloc(bytes == 0 ? 1 : bytes)) return at;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* at) noexcept { std::free(at); }
[[gnu::noinline]] void operator delete(void* at, size_t /*bytes*/) noexcept { std::free(at); }

namespace tidemark::exporter {
namespace {

constexpr int64_t kPatienceNs = 10'000'000'000;

std::vector<NamedCollector> default_collectors() {
  std::vector<NamedCollector> collectors;
  for (const CollectorEntry& entry : collector_table())
    if (entry.on_by_default) collectors.push_back({std::string(entry.name), std::move(*entry.make(CollectorConfig()))});
  return collectors;
}

void collect(benchmark::State& state) {
  const Collection collection(default_collectors(), make_process_metrics(), null_logger());
  size_t samples = 0;
  for (auto _ : state) {
    samples = collection.scrape({}, system_clock().monotonic_ns() + kPatienceNs)->sample_count();
  }
  state.counters["samples"] = static_cast<double>(samples);
}
BENCHMARK(collect)->Unit(benchmark::kMicrosecond)->UseRealTime();

void page(benchmark::State& state) {
  const Collection collection(default_collectors(), make_process_metrics(), null_logger());
  const Web web(collection, {});
  size_t bytes = 0;
  uint64_t before = 0;
  for (auto _ : state) {
    before = allocation_count.load();
    const std::string text = web.page({}, system_clock().monotonic_ns() + kPatienceNs);
    if (text.find("success{collector=\"cpu\"} 1\n") == text.npos) state.SkipWithError("the page is not whole");
    bytes = text.size();
  }
  state.counters["bytes"] = static_cast<double>(bytes);
  state.counters["allocations"] = static_cast<double>(allocation_count.load() - before);
}
BENCHMARK(page)->Unit(benchmark::kMicrosecond)->UseRealTime();

void one_collector(benchmark::State& state, const CollectorEntry& entry) {
  const auto collector = std::move(*entry.make(CollectorConfig()));
  ScrapeContext context;
  Families families;
  uint64_t before = 0;
  for (auto _ : state) {
    before = allocation_count.load();
    context.begin(system_clock().monotonic_ns() + kPatienceNs);
    families.clear();
    if (!collector->collect(context, families).ok()) state.SkipWithError("collector failed");
  }
  state.counters["allocations"] = static_cast<double>(allocation_count.load() - before);
  state.counters["samples"] = static_cast<double>(families.sample_count());
}

const bool registered = [] {
  for (const CollectorEntry& entry : collector_table())
    benchmark::RegisterBenchmark(("collector/" + std::string(entry.name)).c_str(),
                                 [&entry](benchmark::State& state) { one_collector(state, entry); })
        ->Unit(benchmark::kMicrosecond)
        ->UseRealTime();
  return true;
}();

}  // namespace
}  // namespace tidemark::exporter
