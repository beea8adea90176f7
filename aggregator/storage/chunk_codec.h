// From samples to a chunk's bytes and back, whichever codec it uses.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "aggregator/storage/chunk.h"
#include "aggregator/storage/column_chunk.h"
#include "aggregator/storage/pieces.h"
#include "aggregator/storage/xor_chunk.h"

namespace tidemark::storage {

// A whole chunk as it lies in the chunks family, in columns. REQUIRES: as many times as values, at least one, at most
// kChunkSamplesMax; times rise and lie within one window; as many start timestamps as times, or none at all.
std::string make_chunk(std::span<const int64_t> t_ms, std::span<const double> v,
                       std::span<const int64_t> start_ms = {});

// Reads a chunk's samples, oldest first. Any bytes may be in it: what does not decode ends in ok() == false.
class ChunkDecoder {
 public:
  ChunkDecoder() = default;
  // REQUIRES: the payload outlives the decoder.
  explicit ChunkDecoder(const ChunkView& chunk);

  // Decodes until the columns are full or the samples at an end; returns how many. 0 at the end, and when the bytes are
  // no chunk.
  size_t next(std::span<int64_t> t_ms, std::span<double> v);

  // May pass over samples older than t_ms where that is cheaper than to decode them. Before the first next().
  void skip_to(int64_t t_ms);

  // False for good once the bytes turned out to be no chunk.
  bool ok() const { return pieces_.ok() && (columns_in_use_ ? columns_.ok() : xor_.ok()); }

 private:
  void begin(const ChunkView& part);

  PieceReader pieces_;  // What comes after the part at hand.
  bool columns_in_use_ = false;
  ColumnDecoder columns_;
  XorDecoder xor_;
};

}  // namespace tidemark::storage
