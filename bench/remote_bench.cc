// Receiving remote write, without the store: requests as Prometheus sends them, 2,000 series with 8 labels, one sample
// each.
//   Known:  every series was seen before and is found by the hash of its label bytes.
//   New:    labels are read, checked and encoded, as for the first request of a sender.
#include <benchmark/benchmark.h>
#include <snappy.h>

#include <bit>
#include <cstdint>
#include <string>

#include "aggregator/remote/write_decoder.h"

namespace {

using tidemark::remote::DecodedRequest;
using tidemark::remote::SeriesCache;
using tidemark::remote::WriteDecoder;

constexpr int kSeries = 2'000;

void put_bytes(std::string& out, int field, const std::string& bytes) {
  out.push_back(static_cast<char>(field << 3 | 2));
  uint64_t size = bytes.size();
  for (; size >= 128; size >>= 7) out.push_back(static_cast<char>(size | 128));
  out.push_back(static_cast<char>(size));
  out += bytes;
}

std::string body() {
  std::string message;
  for (int i = 0; i < kSeries; ++i) {
    std::string series;
    const auto label = [&](const std::string& name, const std::string& value) {
      std::string pair;
      put_bytes(pair, 1, name);
      put_bytes(pair, 2, value);
      put_bytes(series, 1, pair);
    };
    label("__name__", "http_request_duration_seconds_bucket");
    label("cluster", "eu-west-1");
    label("instance", "10.0.0." + std::to_string(i % 20) + ":9100");
    label("job", "node");
    label("le", std::to_string(i % 12));
    label("method", "GET");
    label("path", "/api/" + std::to_string(i));
    label("status", "200");
    std::string sample(1, static_cast<char>(1 << 3 | 1));
    const auto bits = std::bit_cast<uint64_t>(static_cast<double>(i) * 1.5);
    for (int b = 0; b < 8; ++b) sample.push_back(static_cast<char>(bits >> (8 * b)));
    sample += "\x10\x80\xa8\xd6\xb9\x07";
    put_bytes(series, 2, sample);
    put_bytes(message, 1, series);
  }
  std::string out;
  snappy::Compress(message.data(), message.size(), &out);
  return out;
}

void decode(benchmark::State& state, bool known) {
  const std::string compressed = body();
  SeriesCache cache(1'000'000);
  WriteDecoder decoder({}, cache);
  tidemark::storage::Batch batch;
  DecodedRequest request;
  const auto run = [&] {
    if (!decoder.decode(tidemark::remote::WriteVersion::kV1, compressed, batch, request).ok() ||
        batch.size() != kSeries) {
      state.SkipWithError("not decoded");
    }
  };
  run();
  if (known) {
    uint64_t ref = 1;
    for (const auto& series : request.series) cache.put(series.key, tidemark::storage::SeriesRef{ref++});
  }
  for (auto _ : state) run();
  if (batch.labels(0).empty() != known) state.SkipWithError("cache not as meant");
  state.SetItemsProcessed(state.iterations() * kSeries);
}

void BM_DecodeKnown(benchmark::State& state) { decode(state, true); }
void BM_DecodeNew(benchmark::State& state) { decode(state, false); }
BENCHMARK(BM_DecodeKnown);
BENCHMARK(BM_DecodeNew);

}  // namespace
