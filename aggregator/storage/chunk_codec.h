// From samples to a chunk's bytes and back, whichever codec it uses.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "aggregator/storage/chunk.h"
#include "aggregator/storage/xor_chunk.h"

namespace tidemark::storage {

// A whole chunk as it lies in the chunks family, in the codec that is smallest. REQUIRES: as many times as values, at
// least one, at most kChunkSamplesMax; times rise and lie within one window.
std::string make_chunk(std::span<const int64_t> t_ms, std::span<const double> v);

// Reads a chunk's samples, oldest first. Any bytes may be in it: what does not decode ends in ok() == false.
class ChunkDecoder {
 public:
  ChunkDecoder() = default;
  // REQUIRES: the payload outlives the decoder.
  explicit ChunkDecoder(const ChunkView& chunk) : xor_(chunk.payload, chunk.first_ms, chunk.count) {}

  // Decodes into the columns; returns how many. 0 at the end, and when the bytes are no chunk.
  size_t next(std::span<int64_t> t_ms, std::span<double> v) { return xor_.next(t_ms, v); }

  // False for good once the bytes turned out to be no chunk.
  bool ok() const { return xor_.ok(); }

 private:
  XorDecoder xor_;
};

}  // namespace tidemark::storage
