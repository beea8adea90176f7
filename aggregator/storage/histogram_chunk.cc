#include "aggregator/storage/histogram_chunk.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "aggregator/storage/column_times.h"
#include "aggregator/storage/column_values.h"
#include "aggregator/storage/histogram_code.h"
#include "aggregator/storage/packing.h"
#include "aggregator/storage/start_runs.h"
#include "model/varint.h"

namespace tidemark::storage {
namespace {

using Samples = std::span<const HistogramSample>;

void append_hints(Samples samples, std::string& out) {
  for (size_t i = 0; i < samples.size();) {
    const CounterReset hint = samples[i].histogram->reset;
    size_t end = i + 1;
    while (end < samples.size() && samples[end].histogram->reset == hint) ++end;
    append_varint(out, ((end - i) << 2) | static_cast<uint8_t>(hint));
    i = end;
  }
}

// Calls f(number) for every number that a histogram of this layout has, in the order of their columns.
template <class Histogram, class F>
void each_number(Histogram& h, F f) {
  f(h.count);
  f(h.zero_count);
  f(h.sum);
  for (auto& count : h.positive.counts) f(count);
  for (auto& count : h.negative.counts) f(count);
}

size_t numbers_of(const NativeHistogram& h) { return 3 + h.positive.counts.size() + h.negative.counts.size(); }

void append_run(Samples run, std::string& out) {
  append_varint(out, run.size());
  append_histogram_layout(out, *run[0].histogram);
  const size_t columns = numbers_of(*run[0].histogram);
  std::vector<double> numbers(columns * run.size());  // Column by column.
  for (size_t i = 0; i < run.size(); ++i) {
    size_t column = 0;
    each_number(*run[i].histogram, [&](double v) { numbers[column++ * run.size() + i] = v; });
  }
  for (size_t c = 0; c < columns; ++c) append_values(std::span(numbers).subspan(c * run.size(), run.size()), out);
}

bool take_times(std::string_view& in, const ChunkView& chunk, std::vector<HistogramSample>& samples) {
  TimeReader reader(in, chunk.first_ms, chunk.count);
  int64_t block[kBlock];
  samples.reserve(chunk.count);
  while (const size_t some = reader.next(block)) {
    for (size_t i = 0; i < some; ++i) samples.push_back({block[i], nullptr});
  }
  const auto rest = reader.behind();
  if (!reader.ok() || !rest || samples.size() != chunk.count) return false;
  in = *rest;
  return true;
}

bool take_hints(std::string_view& in, size_t count, std::vector<CounterReset>& hints) {
  while (hints.size() < count) {
    uint64_t run = 0;
    if (!take_varint(in, run) || run >> 2 == 0 || run >> 2 > count - hints.size()) return false;
    hints.resize(hints.size() + (run >> 2), static_cast<CounterReset>(run & 3));
  }
  return true;
}

bool take_run(std::string_view& in, const std::vector<CounterReset>& hints, std::vector<HistogramSample>& samples,
              size_t& at) {
  uint64_t count = 0;
  NativeHistogram layout;
  if (!take_varint(in, count) || count == 0 || count > samples.size() - at) return false;
  if (!take_histogram_layout(in, layout)) return false;
  std::vector<std::shared_ptr<NativeHistogram>> made(count);
  for (size_t i = 0; i < count; ++i) {
    made[i] = std::make_shared<NativeHistogram>(layout);
    made[i]->reset = hints[at + i];
  }
  std::vector<double> column(count);
  for (size_t c = 0; c < numbers_of(layout); ++c) {
    if (!take_values(in, column)) return false;
    for (size_t i = 0; i < count; ++i) {
      NativeHistogram& h = *made[i];
      const size_t positive = h.positive.counts.size();
      if (c < 3) {
        (c == 0 ? h.count : c == 1 ? h.zero_count : h.sum) = column[i];
      } else if (c - 3 < positive) {
        h.positive.counts[c - 3] = column[i];
      } else {
        h.negative.counts[c - 3 - positive] = column[i];
      }
    }
  }
  for (std::shared_ptr<NativeHistogram>& h : made) {
    if (!check_histogram(*h).ok()) return false;
    samples[at++].histogram = std::move(h);
  }
  return true;
}

}  // namespace

std::string make_histogram_chunk(Samples samples, std::span<const int64_t> start_ms) {
  std::vector<int64_t> t_ms;
  t_ms.reserve(samples.size());
  for (const HistogramSample& sample : samples) t_ms.push_back(sample.t_ms);
  std::string payload;
  append_chunk_times(t_ms, payload);
  append_hints(samples, payload);
  for (size_t i = 0; i < samples.size();) {
    size_t end = i + 1;
    while (end < samples.size() && same_layout(*samples[i].histogram, *samples[end].histogram)) ++end;
    append_run(samples.subspan(i, end - i), payload);
    i = end;
  }
  const std::string starts = encode_starts(t_ms, start_ms);
  return encode_chunk({Codec::kHistograms, SampleKind::kHistogram, static_cast<uint32_t>(samples.size()), t_ms.front(),
                       t_ms.back(), payload, starts});
}

std::vector<HistogramSample> decode_histograms(const ChunkView& chunk) {
  std::vector<HistogramSample> samples;
  std::vector<CounterReset> hints;
  std::string_view in = chunk.payload;
  if (chunk.codec != Codec::kHistograms || chunk.count > kChunkSamplesMax) return {};
  if (!take_times(in, chunk, samples) || !take_hints(in, chunk.count, hints)) return {};
  for (size_t at = 0; at < samples.size();) {
    if (!take_run(in, hints, samples, at)) return {};
  }
  if (!in.empty()) return {};
  return samples;
}

}  // namespace tidemark::storage
