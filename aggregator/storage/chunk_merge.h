// ChunkMerge: one series' chunks, from wherever they came, as one run of samples.
//
// Chunks that do not overlap are decoded straight into the caller's columns. Those that do are decoded together and
// merged by timestamp; of equal timestamps the one of the later version counts. The same chunk seen twice, in the head
// and already in files, counts once. Native histograms go their own way (histogram_merge.h).
#pragma once

#include <string>
#include <vector>

#include "aggregator/storage/chunk_codec.h"
#include "aggregator/storage/histogram_merge.h"
#include "aggregator/storage/keys.h"
#include "aggregator/storage/querier.h"
#include "aggregator/storage/start_runs.h"

namespace tidemark::storage {

inline constexpr Position kHeadVersion = UINT64_MAX - 1;  // After all in files,
inline constexpr Position kLateVersion = UINT64_MAX;      // and late samples after what came in order.

struct ReadChunk {
  int64_t first_ms = 0;
  int64_t last_ms = 0;
  uint32_t count = 0;
  Codec codec = Codec::kXor;
  Position version = 0;  // Of chunks in the head, and of late samples there: see below.
  std::string payload;
  std::string starts = {};  // As in ChunkView.

  ChunkView view() const { return {codec, SampleKind::kFloat, count, first_ms, last_ms, payload, starts}; }
};

class ChunkMerge final : public SampleReader {
 public:
  // Bounds are inclusive. `late_histograms` as in HistogramMerge.
  void reset(std::vector<ReadChunk> chunks, int64_t min_ms, int64_t max_ms,
             std::vector<ReadHistogram> late_histograms = {});

  // For their memory. Until the next reset() there is nothing to read.
  std::vector<ReadChunk> take_chunks() { return std::move(chunks_); }

  // From the next reset() on starts() is filled; without, it is empty.
  void ask_starts() { starts_asked_ = true; }

  // Back to the first sample.
  void rewind();

  size_t next(std::span<int64_t> t_ms, std::span<double> v) override;
  std::span<const int64_t> starts() const override { return starts_; }
  size_t next_histograms(std::span<int64_t> t_ms, std::span<HistogramRef> histograms) override {
    return histograms_.next(t_ms, histograms, HistogramMerge::Hints::kAsStored);
  }
  std::span<const int64_t> histogram_starts() const override { return histograms_.starts(); }
  // With the hints they came with.
  size_t next_histograms_as_they_came(std::span<int64_t> t_ms, std::span<HistogramRef> histograms) {
    return histograms_.next(t_ms, histograms, HistogramMerge::Hints::kAsTheyCame);
  }
  Status status() const override { return status_.ok() ? histograms_.status() : status_; }

 private:
  bool begin_group();
  void merge_group(size_t end);
  size_t keep_in_bounds(std::span<int64_t> t_ms, std::span<double> v, size_t count) const;

  std::vector<ReadChunk> chunks_;  // By first sample.
  HistogramMerge histograms_;
  int64_t min_ms_ = 0;
  int64_t max_ms_ = 0;
  size_t at_ = 0;       // The next chunk to begin.
  bool plain_ = false;  // decoder_ is at work; otherwise what is left of merged_.
  ChunkDecoder decoder_;
  struct Merged {
    int64_t t_ms;
    double v;
    uint32_t chunk;  // Index into chunks_.
  };
  std::vector<Merged> merged_;
  size_t merged_at_ = 0;
  bool starts_asked_ = false;
  bool any_starts_ = false;           // A chunk has some, and they were asked for.
  std::vector<StartRuns> starts_of_;  // By chunk; empty without any_starts_.
  std::vector<int64_t> starts_;       // Of the samples the last next() gave.
  Status status_;
};

}  // namespace tidemark::storage
