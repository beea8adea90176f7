#include "aggregator/storage/seal.h"

#include <algorithm>
#include <iterator>

#include "aggregator/storage/chunk_codec.h"
#include "aggregator/storage/histogram_chunk.h"

namespace tidemark::storage {
namespace {

struct Columns {
  std::vector<int64_t> t_ms;
  std::vector<double> v;
  std::vector<int64_t> start_ms;  // Empty unless some sample has one.

  void add(int64_t t, double value, int64_t start) {
    t_ms.push_back(t);
    v.push_back(value);
    if (start != kNoStart || !start_ms.empty()) {
      start_ms.resize(t_ms.size(), kNoStart);
      start_ms.back() = start;
    }
  }
  void clear() {
    t_ms.clear();
    v.clear();
    start_ms.clear();
  }
};

// Appends the chunk's samples, with those of `late` that lie before its end: `next` is the first of them not taken yet.
Status append_merged(const OwnedChunk& chunk, const std::vector<LateSample>& late, size_t& next, Columns& out) {
  std::vector<int64_t> times(chunk.count);
  std::vector<double> values(chunk.count);
  ChunkDecoder decoder(chunk.view());
  size_t count = 0;
  while (const size_t some = decoder.next(std::span(times).subspan(count), std::span(values).subspan(count))) {
    count += some;
  }
  if (!decoder.ok() || count != chunk.count) return Status::corruption("a chunk in memory does not decode");
  if (chunk.starts.empty() && out.start_ms.empty() && (next == late.size() || late[next].t_ms > times.back())) {
    out.t_ms.insert(out.t_ms.end(), times.begin(), times.end());
    out.v.insert(out.v.end(), values.begin(), values.end());
    return {};
  }
  const StartRuns starts = StartRuns::parse(chunk.starts).value_or(StartRuns());
  for (size_t i = 0; i < count; ++i) {
    for (; next < late.size() && late[next].t_ms < times[i]; ++next) {
      out.add(late[next].t_ms, late[next].v, late[next].start_ms);
    }
    if (next < late.size() && late[next].t_ms == times[i]) {
      out.add(times[i], late[next].v, late[next].start_ms);
      ++next;
    } else {
      out.add(times[i], values[i], starts.at(times[i]));
    }
  }
  return {};
}

void seal_histograms(const std::vector<LateHistogram>& histograms, std::vector<MadeChunk>& out) {
  std::vector<HistogramSample> samples;
  std::vector<int64_t> start_ms;
  for (size_t at = 0; at < histograms.size(); at += kChunkSamplesMax) {
    const size_t end = std::min<size_t>(histograms.size(), at + kChunkSamplesMax);
    samples.clear();
    start_ms.clear();
    for (size_t i = at; i < end; ++i) {
      samples.push_back({histograms[i].t_ms, histograms[i].histogram});
      start_ms.push_back(histograms[i].start_ms);
    }
    out.push_back({samples.front().t_ms, make_histogram_chunk(samples, start_ms)});
  }
}

}  // namespace

std::vector<Window> windows_of(const SealedSeries& sealed) {
  std::vector<Window> out;
  for (const SharedChunk& chunk : sealed.chunks) out.push_back(window_of(chunk->first_ms));
  for (const LateSample& late : sealed.late) {
    if (out.empty() || out.back() != window_of(late.t_ms)) out.push_back(window_of(late.t_ms));
  }
  for (const LateHistogram& histogram : sealed.histograms) {
    if (out.empty() || out.back() != window_of(histogram.t_ms)) out.push_back(window_of(histogram.t_ms));
  }
  if (!std::is_sorted(out.begin(), out.end())) std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

Lifetime lifetime_in(const SealedSeries& sealed, Window window) {
  Lifetime out;
  for (const SharedChunk& chunk : sealed.chunks) {
    if (window_of(chunk->first_ms) == window) out.widen(lifetime_of(window, chunk->first_ms, chunk->last_ms));
  }
  for (const LateSample& late : sealed.late) {
    if (window_of(late.t_ms) == window) out.widen(lifetime_of(window, late.t_ms, late.t_ms));
  }
  for (const LateHistogram& one : sealed.histograms) {
    if (window_of(one.t_ms) == window) out.widen(lifetime_of(window, one.t_ms, one.t_ms));
  }
  return out;
}

Result<std::vector<MadeChunk>> seal_chunks(const SealedSeries& sealed, Window window) {
  const int64_t first_ms = window_start_ms(window);
  const std::vector<LateSample> late = newest_of(sealed.late, UINT64_MAX, first_ms, first_ms + kWindowMs - 1);
  size_t next_late = 0;
  std::vector<MadeChunk> out;
  Columns samples;
  const auto make = [&] {
    for (size_t at = 0; at < samples.t_ms.size(); at += kChunkSamplesMax) {
      const size_t count = std::min<size_t>(kChunkSamplesMax, samples.t_ms.size() - at);
      const std::span<const int64_t> starts(samples.start_ms);
      out.push_back({samples.t_ms[at],
                     make_chunk(std::span(samples.t_ms).subspan(at, count), std::span(samples.v).subspan(at, count),
                                starts.empty() ? starts : starts.subspan(at, count))});
    }
    samples.clear();
  };
  for (const SharedChunk& chunk : sealed.chunks) {
    if (window_of(chunk->first_ms) != window) continue;
    if (Status status = append_merged(*chunk, late, next_late, samples); !status.ok()) return fail(status);
    // Chunks that filled up stay whole; what is short is joined with the next.
    if (samples.t_ms.size() >= kChunkSamplesMax) make();
  }
  for (; next_late < late.size(); ++next_late) {
    samples.add(late[next_late].t_ms, late[next_late].v, late[next_late].start_ms);
  }
  make();
  seal_histograms(newest_of(sealed.histograms, UINT64_MAX, first_ms, first_ms + kWindowMs - 1), out);
  std::sort(out.begin(), out.end(), [](const MadeChunk& a, const MadeChunk& b) { return a.first_ms < b.first_ms; });
  return out;
}

}  // namespace tidemark::storage
