// Chunk codecs: columns beside Gorilla (XOR), which is the yardstick and what the head still appends with.
//
//   CODEC_encode/SHAPE/SAMPLES   whole payloads from columns of times and values
//   CODEC_decode/SHAPE/SAMPLES   back into columns of 512
//   SHAPE: 0 integer counter, 1 counter in cents, 2 gauge with two decimals, 3 constant, 4 noisy float, 5 a host (a mix
//   of
//          counters, gauges and constants as exporters have them), 6 a host whose scrapes jitter by some milliseconds
//
// Each gives samples/s and B/sample: payloads only, without a chunk's header and checksum. Each decoder's result is
// compared bit by bit before it is timed.
#include <benchmark/benchmark.h>

#include <bit>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "aggregator/storage/column_chunk.h"
#include "aggregator/storage/xor_chunk.h"

namespace tidemark::storage {
namespace {

constexpr int64_t kStartMs = 1'700'000'007'123;
constexpr int64_t kStepMs = 15'000;
constexpr size_t kChunks = 256;  // More than a branch predictor learns by heart.

enum Shape : int64_t { kIntegers, kCents, kGauge, kConstant, kNoise, kHost, kJitteredHost };

struct Series {
  std::vector<int64_t> t_ms;
  std::vector<double> v;
};

double uniform(std::mt19937_64& random) { return std::uniform_real_distribution<double>(0, 1)(random); }

// What one series of a host is: half count whole things, a third stand still, the rest are gauges and seconds.
Shape shape_on_host(std::mt19937_64& random, double& unit) {
  const auto dice = random() % 100;
  const double units[] = {1, 1, 10, 50, 1500, 4096};
  unit = units[random() % std::size(units)];
  if (dice < 45) return kIntegers;
  if (dice < 76) return kConstant;
  if (dice < 88) return kCents;
  if (dice < 94) unit = 1;
  return kGauge;
}

Series make_series(Shape shape, size_t samples, std::mt19937_64& random) {
  Series out;
  double unit = 1;
  const bool jitter = shape == kJitteredHost;
  if (shape == kHost || shape == kJitteredHost) shape = shape_on_host(random, unit);
  const double rate = 1 + static_cast<double>(random() % 60);
  const double base = static_cast<double>(random() % 100'000);
  const double phase = static_cast<double>(random() % 500);
  double walk = base;
  const auto begin = static_cast<double>(random() % 5000);
  for (size_t i = 0; i < samples; ++i) {
    const double step = begin + static_cast<double>(i);
    const double noise = uniform(random);
    double v = base * unit;
    switch (shape) {
      case kIntegers:
        v = (base + step * rate + std::floor(noise * rate)) * unit;
        break;
      case kCents:
        v = base + (step * rate + std::floor(noise * rate)) / 100;
        break;
      case kGauge:
        v = unit == 1 ? std::round((40 + 12 * std::sin((step + phase) / 40) + noise) * 100) / 100
                      : (base + std::fmod(std::floor(step / 3), 40) + std::floor(noise * 16)) * unit;
        break;
      case kNoise:
        v = walk += std::normal_distribution<double>(0, 1)(random);
        break;
      default:
        break;
    }
    out.t_ms.push_back(kStartMs + static_cast<int64_t>(i) * kStepMs +
                       (jitter ? static_cast<int64_t>(random() % 8) : 0));
    out.v.push_back(v);
  }
  return out;
}

std::vector<Series> make_all(const benchmark::State& state) {
  std::mt19937_64 random(1);
  std::vector<Series> out;
  for (size_t i = 0; i < kChunks; ++i) {
    out.push_back(make_series(static_cast<Shape>(state.range(0)), static_cast<size_t>(state.range(1)), random));
  }
  return out;
}

struct Columns {
  using Decoder = ColumnDecoder;
  static void encode(const Series& series, std::string& out) {
    out.clear();
    append_columns(series.t_ms, series.v, out);
  }
};

struct Gorilla {
  using Decoder = XorDecoder;
  static void encode(const Series& series, std::string& out) {
    out.assign(series.v.size() * 18 + kXorSlackBytes, 0);
    XorState state;
    for (size_t i = 0; i < series.v.size(); ++i) {
      xor_append(state, reinterpret_cast<uint8_t*>(out.data()), series.t_ms[i], series.v[i]);
    }
    out.resize(state.byte_count());
  }
};

void count(benchmark::State& state, size_t bytes) {
  const auto samples = static_cast<double>(kChunks) * static_cast<double>(state.range(1));
  state.counters["samples/s"] =
      benchmark::Counter(samples * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
  state.counters["B/sample"] = static_cast<double>(bytes) / samples;
}

template <typename Codec>
void encode(benchmark::State& state) {
  const auto all = make_all(state);
  std::string out;
  size_t bytes = 0;
  for (auto _ : state) {
    bytes = 0;
    for (const Series& series : all) {
      Codec::encode(series, out);
      bytes += out.size();
    }
  }
  count(state, bytes);
}

template <typename Codec>
void decode(benchmark::State& state) {
  const auto all = make_all(state);
  const auto samples = static_cast<uint32_t>(state.range(1));
  std::vector<std::string> payloads(all.size());
  std::vector<int64_t> t_ms(512);
  std::vector<double> v(512);
  size_t bytes = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    Codec::encode(all[i], payloads[i]);
    bytes += payloads[i].size();
    typename Codec::Decoder decoder(payloads[i], all[i].t_ms[0], samples);
    bool same = decoder.next(t_ms, v) == samples && decoder.ok();
    for (size_t s = 0; same && s < samples; ++s) {
      same = t_ms[s] == all[i].t_ms[s] && std::bit_cast<uint64_t>(v[s]) == std::bit_cast<uint64_t>(all[i].v[s]);
    }
    if (!same) return state.SkipWithError("samples did not come back");
  }
  for (auto _ : state) {
    size_t read = 0;
    for (const std::string& payload : payloads) {
      typename Codec::Decoder decoder(payload, kStartMs, samples);
      read += decoder.next(t_ms, v);
      benchmark::DoNotOptimize(v.data());
      benchmark::ClobberMemory();
    }
    benchmark::DoNotOptimize(read);
  }
  count(state, bytes);
}

void shapes(benchmark::internal::Benchmark* b) {
  for (int64_t shape = kIntegers; shape <= kJitteredHost; ++shape) b->Args({shape, 512});
  b->Args({kHost, 60});
}
void columns_encode(benchmark::State& state) { encode<Columns>(state); }
void columns_decode(benchmark::State& state) { decode<Columns>(state); }
void gorilla_encode(benchmark::State& state) { encode<Gorilla>(state); }
void gorilla_decode(benchmark::State& state) { decode<Gorilla>(state); }
BENCHMARK(columns_encode)->Apply(shapes);
BENCHMARK(gorilla_encode)->Apply(shapes);
BENCHMARK(columns_decode)->Apply(shapes);
BENCHMARK(gorilla_decode)->Apply(shapes);

}  // namespace
}  // namespace tidemark::storage
