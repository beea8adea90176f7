// The store's hot paths.
//
//   append/SERIES      us a sample: batches of 10,000 by ref, one sample of each series a step
//                      of 15 s, checkpoints and RocksDB's own work included
//   append_encrypted   the same, the directory encrypted
//   create/SERIES      us a series: first sample of series never seen before, by labels
//   encode/KIND        XOR, 512 samples a chunk; also bytes a sample
//   decode/KIND        samples/s, timestamps and values
//   KIND: 0 constant, 1 integer counter, 2 gauge with two decimals, 3 noisy float
//
// Each checks its result: what was appended is counted, what was decoded is summed.
#include <benchmark/benchmark.h>
#include <prometheus/registry.h>

#include <random>

#include "aggregator/storage/chunk_codec.h"
#include "aggregator/storage/open_chunk.h"
#include "aggregator/storage/store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"

namespace tidemark::storage {
namespace {

constexpr size_t kBatchSamples = 10'000;

double value_of(int64_t kind, std::mt19937_64& random, double before) {
  switch (kind) {
    case 0:
      return 42;
    case 1:
      return before + static_cast<double>(random() % 1000);
    case 2:
      return static_cast<double>(random() % 10'000) / 100;
    default:
      return before + std::normal_distribution<double>(0, 1)(random);
  }
}

struct Bed {
  explicit Bed(size_t series_count, bool encrypted = false) {
    options.path = dir.file("data");
    if (encrypted) options.encryption_key_file = dir.write("key", std::string(32, 'k'));
    auto opened = Store::open(options, clock, null_logger(), registry);
    if (!opened) std::abort();
    store = std::move(*opened);
    for (size_t i = 0; i < series_count; ++i) {
      labels.push_back(Labels{{"__name__", "node_metric_" + std::to_string(i % 1000)},
                              {"instance", "host-" + std::to_string(i / 1000) + ":9100"},
                              {"job", "node"},
                              {"device", "eth" + std::to_string(i % 4)},
                              {"mode", i % 2 == 0 ? "user" : "system"}});
    }
    refs.resize(series_count, kNoRef);
    values.resize(series_count);
    for (double& v : values) v = static_cast<double>(random() % 100'000);
  }

  // One sample of every series. Returns how many were stored.
  size_t step() {
    size_t stored = 0;
    for (size_t from = 0; from < refs.size(); from += kBatchSamples) {
      const size_t end = std::min(refs.size(), from + kBatchSamples);
      batch.clear();
      for (size_t i = from; i < end; ++i) {
        values[i] += static_cast<double>(random() % 100);
        batch.add(refs[i], refs[i] == kNoRef ? labels[i].view() : LabelsView(), clock.now_ms(), values[i]);
      }
      const auto report = store->commit(batch);
      if (report) stored += report->accepted();
      for (size_t i = from; i < end; ++i) refs[i] = batch.ref(i - from);
    }
    clock.set_now_ms(clock.now_ms() + 15'000);  // Not the monotonic clock: no commit is to wait for a sync.
    return stored;
  }

  testing::TempDir dir;
  testing::FakeClock clock;
  prometheus::Registry registry;
  Options options;
  std::unique_ptr<Store> store;
  std::vector<Labels> labels;
  std::vector<SeriesRef> refs;
  std::vector<double> values;
  std::mt19937_64 random{1};
  Batch batch;
};

void append_to(benchmark::State& state, bool encrypted) {
  const auto series = static_cast<size_t>(state.range(0));
  Bed bed(series, encrypted);
  bed.step();
  for (auto _ : state) {
    if (bed.step() != series) state.SkipWithError("samples were refused");
  }
  const double samples = static_cast<double>(series) * static_cast<double>(state.iterations());
  state.counters["us/sample"] =
      benchmark::Counter(samples / 1e6, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["head_B/series"] = static_cast<double>(bed.store->stats().head_bytes) / static_cast<double>(series);
}
void append(benchmark::State& state) { append_to(state, false); }
void append_encrypted(benchmark::State& state) { append_to(state, true); }
BENCHMARK(append)->Arg(50'000)->Iterations(200)->Unit(benchmark::kMillisecond)->UseRealTime()->MeasureProcessCPUTime();
BENCHMARK(append_encrypted)
    ->Arg(50'000)
    ->Iterations(200)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->MeasureProcessCPUTime();

void create(benchmark::State& state) {
  const auto series = static_cast<size_t>(state.range(0));
  for (auto _ : state) {
    state.PauseTiming();
    Bed bed(series);
    state.ResumeTiming();
    if (bed.step() != series) state.SkipWithError("samples were refused");
    state.PauseTiming();
    bed.store.reset();
    state.ResumeTiming();
  }
  const double created = static_cast<double>(series) * static_cast<double>(state.iterations());
  state.counters["us/series"] =
      benchmark::Counter(created / 1e6, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(create)->Arg(50'000)->Iterations(3)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();

std::vector<Sample> chunk_samples(int64_t kind) {
  std::mt19937_64 random(1);
  std::vector<Sample> out;
  double v = 1000;
  for (uint32_t i = 0; i < kChunkSamplesMax; ++i) {
    v = value_of(kind, random, v);
    out.push_back({1'700'006'400'000 + int64_t{i} * 15'000 + static_cast<int64_t>(random() % 2), v});
  }
  return out;
}

OwnedChunk encoded(const std::vector<Sample>& samples) {
  OpenChunk chunk;
  for (const Sample& sample : samples) chunk.append(sample.t_ms, sample.v);
  return chunk.take();
}

void encode(benchmark::State& state) {
  const std::vector<Sample> samples = chunk_samples(state.range(0));
  size_t bytes = 0;
  for (auto _ : state) {
    const OwnedChunk chunk = encoded(samples);
    bytes = chunk.payload.size();
    benchmark::DoNotOptimize(chunk.payload.data());
  }
  state.SetItemsProcessed(state.iterations() * kChunkSamplesMax);
  state.counters["B/sample"] = static_cast<double>(bytes) / kChunkSamplesMax;
}
BENCHMARK(encode)->DenseRange(0, 3);

void decode(benchmark::State& state) {
  const std::vector<Sample> samples = chunk_samples(state.range(0));
  const OwnedChunk chunk = encoded(samples);
  std::vector<int64_t> t_ms(kChunkSamplesMax);
  std::vector<double> v(kChunkSamplesMax);
  for (auto _ : state) {
    ChunkDecoder decoder(chunk.view());
    if (decoder.next(t_ms, v) != kChunkSamplesMax) state.SkipWithError("the chunk does not decode");
    benchmark::DoNotOptimize(v.data());
  }
  if (t_ms.back() != samples.back().t_ms || v.back() != samples.back().v) state.SkipWithError("decoded something else");
  state.SetItemsProcessed(state.iterations() * kChunkSamplesMax);
}
BENCHMARK(decode)->DenseRange(0, 3);

}  // namespace
}  // namespace tidemark::storage
