// HistogramMerge: the native histograms of one series, from wherever they came, as one run: what ChunkMerge is for
// floats. Chunks that overlap are decoded together, others one after the other; of equal times the later version
// counts.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "aggregator/storage/chunk.h"
#include "aggregator/storage/keys.h"
#include "aggregator/storage/start_runs.h"
#include "model/native_histogram.h"
#include "model/status.h"

namespace tidemark::storage {

struct ReadChunk;

// A histogram with what came with it.
struct ReadHistogram {
  int64_t t_ms = 0;
  int64_t start_ms = kNoStart;
  Position version = 0;
  HistogramRef histogram;
};

class HistogramMerge {
 public:
  // `chunks` are of Codec::kHistograms; `late` by time, and above all chunks. Bounds are inclusive. What is given
  // before them says what the hint of the first one inside is.
  void reset(std::vector<ReadChunk> chunks, std::vector<ReadHistogram> late, int64_t min_ms, int64_t max_ms);
  void rewind();

  bool empty() const { return chunks_.empty() && late_.empty(); }
  // Fills both and returns how many; 0 at the end, and on an error. Hints as hint_as_stored() gives them, or as they
  // came.
  enum class Hints { kAsStored, kAsTheyCame };
  size_t next(std::span<int64_t> t_ms, std::span<HistogramRef> histograms, Hints hints);
  // Of those the last next() gave; empty when none has one.
  std::span<const int64_t> starts() const { return starts_; }
  const Status& status() const { return status_; }

 private:
  bool begin_group();
  void decode(const ReadChunk& chunk);
  HistogramRef with_hint(const HistogramRef& histogram, Hints hints) const;

  std::vector<ReadChunk> chunks_;  // By first sample.
  std::vector<ReadHistogram> late_;
  int64_t min_ms_ = 0;
  int64_t max_ms_ = 0;
  size_t at_ = 0;                     // The next chunk to decode,
  size_t late_at_ = 0;                // and the next of late_.
  std::vector<ReadHistogram> group_;  // Decoded, by time.
  size_t group_at_ = 0;
  HistogramRef previous_;  // Before the next one.
  std::vector<int64_t> starts_;
  Status status_;
};

}  // namespace tidemark::storage
