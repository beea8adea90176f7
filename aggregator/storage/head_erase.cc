// The part of HeadShard that deletes use.
#include <algorithm>
#include <array>
#include <optional>

#include "aggregator/storage/chunk_codec.h"
#include "aggregator/storage/head_shard.h"

namespace tidemark::storage {
namespace {

// The chunk's samples outside the range. Nothing when it does not decode.
std::optional<std::vector<Sample>> samples_outside(const OwnedChunk& chunk, int64_t min_ms, int64_t max_ms) {
  std::vector<Sample> out;
  std::array<int64_t, 64> t_ms;
  std::array<double, 64> v;
  ChunkDecoder decoder(chunk.view());
  while (const size_t count = decoder.next(t_ms, v)) {
    for (size_t i = 0; i < count; ++i) {
      if (t_ms[i] < min_ms || t_ms[i] > max_ms) out.push_back({t_ms[i], v[i]});
    }
  }
  if (!decoder.ok()) return std::nullopt;
  return out;
}

OpenChunk chunk_of(const std::vector<Sample>& samples) {
  OpenChunk out;
  for (const Sample& sample : samples) out.append(sample.t_ms, sample.v);
  return out;
}

}  // namespace

void HeadShard::erase(SeriesId id, uint32_t slot, int64_t min_ms, int64_t max_ms) {
  const MutexLock lock(mu_);
  if (slot >= series_.size() || series_[slot].id != id) return;
  HeadSeries& series = series_[slot];
  if (series.extra != 0) {
    HeadExtra& more = extra(series, slot);
    const size_t before = more.late.size();
    more.late.erase(min_ms, max_ms);
    add_bytes(-static_cast<int64_t>((before - more.late.size()) * sizeof(LateSample)));
    const int64_t histograms_before = histogram_bytes(more.histograms.all());
    more.histograms.erase(min_ms, max_ms);
    add_bytes(histogram_bytes(more.histograms.all()) - histograms_before);
    erase_sealed(more, min_ms, max_ms);
  }
  if (!series.open.empty() && series.open.last_ms() >= min_ms && series.open.first_ms() <= max_ms) {
    erase_open(series, slot, min_ms, max_ms);
  }
  // The newest time stays what it was, so that what follows is in order; its value is gone, here or in files.
  if (series.open.last_ms() >= min_ms && series.open.last_ms() <= max_ms) series.last_unknown = 1;
  drop_extra_if_empty(series, slot);
}

void HeadShard::erase_sealed(HeadExtra& more, int64_t min_ms, int64_t max_ms) {
  for (SharedChunk& chunk : more.sealed) {
    if (chunk->last_ms < min_ms || chunk->first_ms > max_ms) continue;
    const auto kept = samples_outside(*chunk, min_ms, max_ms);
    if (!kept || kept->size() == chunk->count) continue;
    add_bytes(-chunk->bytes());
    if (kept->empty()) {
      chunk = nullptr;
      continue;
    }
    // Others may be reading it, so another takes its place.
    auto rest = std::make_shared<OwnedChunk>(chunk_of(*kept).take());
    rest->starts = chunk->starts;
    add_bytes(rest->bytes());
    chunk = std::move(rest);
  }
  more.sealed.erase(std::remove(more.sealed.begin(), more.sealed.end(), nullptr), more.sealed.end());
}

void HeadShard::erase_open(HeadSeries& series, uint32_t slot, int64_t min_ms, int64_t max_ms) {
  const auto kept = samples_outside(series.open.copy(), min_ms, max_ms);
  if (!kept || kept->size() == series.open.count()) return;
  add_bytes(-static_cast<int64_t>(series.open.memory_bytes()));
  OpenChunk rest = chunk_of(*kept);
  if (!kept->empty() && kept->back().t_ms == series.open.last_ms()) {
    series.open = std::move(rest);
    add_bytes(static_cast<int64_t>(series.open.memory_bytes()));
    return;
  }
  // An open chunk ends with its series' newest time, and that is gone.
  series.open.drop();
  std::string starts = take_starts(series, slot);
  if (kept->empty()) return;
  auto chunk = std::make_shared<OwnedChunk>(rest.take());
  chunk->starts = std::move(starts);
  add_bytes(chunk->bytes());
  extra(series, slot).sealed.push_back(std::move(chunk));
}

}  // namespace tidemark::storage
