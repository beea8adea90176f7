// The exporter on this host, without HTTP:
//   collect          all default collectors into families
//   page             collect, the exporter's own metrics, and the text page
//   collector/NAME   one collector, the read of its file included
#include <benchmark/benchmark.h>

#include "exporter/collection.h"
#include "exporter/collector_table.h"
#include "exporter/process_metrics.h"
#include "exporter/web.h"

namespace tidemark::exporter {
namespace {

constexpr int64_t kPatienceNs = 10'000'000'000;

std::vector<NamedCollector> all_collectors() {
  std::vector<NamedCollector> collectors;
  for (const CollectorEntry& entry : collector_table())
    collectors.push_back({std::string(entry.name), std::move(*entry.make(CollectorConfig()))});
  return collectors;
}

void collect(benchmark::State& state) {
  const Collection collection(all_collectors(), make_process_metrics(), null_logger());
  size_t samples = 0;
  for (auto _ : state) {
    samples = collection.scrape({}, system_clock().monotonic_ns() + kPatienceNs)->sample_count();
  }
  state.counters["samples"] = static_cast<double>(samples);
}
BENCHMARK(collect)->Unit(benchmark::kMicrosecond)->UseRealTime();

void page(benchmark::State& state) {
  const Collection collection(all_collectors(), make_process_metrics(), null_logger());
  const Web web(collection, {});
  size_t bytes = 0;
  for (auto _ : state) {
    const std::string text = web.page({}, system_clock().monotonic_ns() + kPatienceNs);
    if (text.find("success{collector=\"cpu\"} 1\n") == text.npos) state.SkipWithError("the page is not whole");
    bytes = text.size();
  }
  state.counters["bytes"] = static_cast<double>(bytes);
}
BENCHMARK(page)->Unit(benchmark::kMicrosecond)->UseRealTime();

void one_collector(benchmark::State& state, const CollectorEntry& entry) {
  const auto collector = std::move(*entry.make(CollectorConfig()));
  ScrapeContext context;
  Families families;
  for (auto _ : state) {
    context.begin(system_clock().monotonic_ns() + kPatienceNs);
    families.clear();
    if (!collector->collect(context, families).ok()) state.SkipWithError("collector failed");
  }
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
