// OpenChunk: the chunk a series is still appending to, in memory. Small (some 70 bytes and the stream itself), grows by
// half. Not thread-safe: its shard's mutex guards it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "aggregator/storage/chunk.h"
#include "aggregator/storage/xor_chunk.h"
#include "model/status.h"

namespace tidemark::storage {

// A chunk that owns its payload.
struct OwnedChunk {
  uint32_t count = 0;
  int64_t first_ms = 0;
  int64_t last_ms = 0;
  std::string payload;

  ChunkView view() const { return {Codec::kXor, SampleKind::kFloat, count, first_ms, last_ms, payload}; }
};

class OpenChunk {
 public:
  bool empty() const { return state_.count == 0; }
  bool full() const { return state_.count >= kChunkSamplesMax; }
  uint32_t count() const { return state_.count; }
  int64_t first_ms() const { return first_ms_; }
  int64_t last_ms() const { return state_.t_ms; }
  uint64_t last_bits() const { return state_.v_bits; }
  size_t memory_bytes() const { return capacity_; }

  // Asks for the memory the next append() will write to.
  void prefetch() const { __builtin_prefetch(data_.get() + state_.bit_count / 8, 1); }

  // REQUIRES: t_ms > last_ms() unless empty; !full().
  void append(int64_t t_ms, double v);

  OwnedChunk copy() const;
  // The chunk as copy() gives it; this one is empty afterwards, its memory given back.
  OwnedChunk take();

  // As it is, encoder state included, so that a restart appends on without decoding:
  //   format:1 (1) | varint(count) | signed varint(first ms) | varint(last - first) | signed varint(step ms)
  //   | value bits:8 LE | leading:1 | trailing:1 | varint(bits) | stream | checksum:4
  // REQUIRES: !empty().
  std::string serialize() const;
  static Result<OpenChunk> parse(std::string_view bytes);

 private:
  void reserve(size_t bytes);

  XorState state_;
  int64_t first_ms_ = 0;
  std::unique_ptr<uint8_t[]> data_;  // Zero from the stream's end on.
  uint32_t capacity_ = 0;
};

}  // namespace tidemark::storage
