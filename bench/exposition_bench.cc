// Reading a scraped page. Bytes a second are of the page; items are samples.
//
//   scan_node    1,000 series as node_exporter writes them, HELP and TYPE included: what a scrape of known series
//   costs,
//                without the look-up by series().
//   scan_bucket  1,000 histogram buckets with eight labels each: the long lines of services in Kubernetes.
//   scan_escape  1,000 series whose label values all hold escapes: the worst case for views into the body.
//   labels_...   The same with the labels of every sample put into a Labels: what a target's first scrape costs.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstdint>
#include <random>
#include <string>

#include "model/exposition_parser.h"
#include "model/labels.h"
#include "model/number.h"

namespace tidemark {
namespace {

constexpr int kSeries = 1000;

std::string node_page() {
  std::mt19937_64 random(1);
  std::string page;
  for (int family = 0; family < 50; ++family) {
    const std::string name = fmt::format("node_subsystem{}_operations_total", family);
    page += fmt::format("# HELP {} Operations that the subsystem has completed since the host started.\n", name);
    page += fmt::format("# TYPE {} counter\n", name);
    for (int i = 0; i < kSeries / 50; ++i) {
      const double value = static_cast<double>(random() % 100'000'000) / (i % 2 ? 1 : 100);
      page += fmt::format("{}{{cpu=\"{}\",mode=\"iowait\"}} {}\n", name, i, format_float(value));
    }
  }
  return page;
}

std::string bucket_page() {
  std::mt19937_64 random(2);
  std::string page = "# HELP http_request_duration_seconds Latency.\n# TYPE http_request_duration_seconds histogram\n";
  for (int i = 0; i < kSeries; ++i) {
    page += fmt::format(
        "http_request_duration_seconds_bucket{{code=\"200\",handler=\"/api/v1/resource/{}\",method=\"GET\","
        "namespace=\"production\",pod=\"frontend-5d4f8c7b9-x{}z\",service=\"frontend\",version=\"v1.{}.0\",le=\"{}\"}} "
        "{}\n",
        i / 10, i / 100, i % 7, 0.005 * (i % 10 + 1), random() % 1'000'000);
  }
  return page;
}

std::string escape_page() {
  std::string page;
  for (int i = 0; i < kSeries; ++i) {
    page += fmt::format("disk_free_bytes{{volume=\"C:\\\\data\\\\{}\",note=\"a \\\"quoted\\\" word\"}} {}e+09\n", i, i);
  }
  return page;
}

void exposition(benchmark::State& state, const std::string& page, bool labels) {
  uint64_t sum = 0;
  for (auto _ : state) {
    ExpositionParser parser(page);
    int samples = 0;
    for (;;) {
      const ExpositionParser::Entry entry = parser.next();
      if (entry == ExpositionParser::Entry::kEnd || entry == ExpositionParser::Entry::kError) break;
      if (entry != ExpositionParser::Entry::kSample) continue;
      ++samples;
      sum += parser.series().size() + static_cast<uint64_t>(parser.value());
      if (labels) sum += Labels::from_pairs(parser.labels()).encoded().size();
    }
    if (samples != kSeries || !parser.status().ok()) state.SkipWithError("the page was not read as it was written");
  }
  benchmark::DoNotOptimize(sum);
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * page.size()));
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * kSeries);
}

BENCHMARK_CAPTURE(exposition, scan_node, node_page(), false);
BENCHMARK_CAPTURE(exposition, scan_bucket, bucket_page(), false);
BENCHMARK_CAPTURE(exposition, scan_escape, escape_page(), false);
BENCHMARK_CAPTURE(exposition, labels_node, node_page(), true);
BENCHMARK_CAPTURE(exposition, labels_bucket, bucket_page(), true);
BENCHMARK_CAPTURE(exposition, labels_escape, escape_page(), true);

}  // namespace
}  // namespace tidemark
