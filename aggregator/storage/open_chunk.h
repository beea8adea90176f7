// OpenChunk: the chunk a series is still appending to, in memory: 40 bytes and the payload itself (pieces.h), which
// grows by a quarter. It remembers the last sample also when it is empty. Not thread-safe: its shard guards it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "aggregator/storage/chunk.h"
#include "aggregator/storage/pieces.h"
#include "aggregator/storage/xor_chunk.h"

namespace tidemark::storage {

// A chunk that owns its payload, in pieces, and its samples' start timestamps (start_runs.h), if there are any: those
// of an open chunk lie apart (head_series.h).
struct OwnedChunk {
  uint32_t count = 0;
  int64_t first_ms = 0;
  int64_t last_ms = 0;
  std::string payload;
  std::string starts = {};

  ChunkView view() const { return {Codec::kPieces, SampleKind::kFloat, count, first_ms, last_ms, payload, starts}; }
  int64_t bytes() const { return static_cast<int64_t>(payload.size() + starts.size()); }
};

class OpenChunk {
 public:
  // Empty, of a series that has nothing at all.
  OpenChunk() = default;
  // Empty, of a series whose last sample is in files.
  OpenChunk(int64_t last_ms, uint64_t last_bits) : last_ms_(last_ms), last_bits_(last_bits) {}

  bool empty() const { return count_ == 0; }
  bool full() const { return count_ >= kChunkSamplesMax; }
  uint32_t count() const { return static_cast<uint32_t>(count_); }
  int64_t first_ms() const { return last_ms_ - static_cast<int64_t>(length_ms_); }  // REQUIRES: !empty().
  int64_t last_ms() const { return last_ms_; }  // INT64_MIN: the series never had a sample.
  uint64_t last_bits() const { return last_bits_; }
  void set_last_bits(uint64_t bits) { last_bits_ = bits; }  // REQUIRES: empty().
  size_t memory_bytes() const { return capacity_; }

  // Asks for the memory the next append() will write to.
  void prefetch() const { __builtin_prefetch(data_.get() + tail_at_ + tail_bits_ / 8, 1); }

  // REQUIRES: t_ms > last_ms(); !full(); when not empty, within a window of first_ms().
  void append(int64_t t_ms, double v);

  // Without pieces that end before `min_ms`. REQUIRES: !empty().
  OwnedChunk copy(int64_t min_ms = INT64_MIN) const;
  void copy_to(OwnedChunk& out, int64_t min_ms) const;  // The same, in memory that is there; leaves `starts` alone.
  // The chunk as copy() gives it; this one is empty afterwards, its memory given back.
  OwnedChunk take();
  // Empties it.
  void drop();

  // As it is, encoder state included, so that a restart appends on without decoding. Without a checksum of its own:
  //   varint(count) | signed varint(last ms) | value bits:8 LE
  //   not empty: | varint(last - first) | varint(bytes of pieces) | pieces
  //   count % 64: | varint(step ms) | leading:1 | trailing:1 | varint(bits of the stream) | tail
  void append_to(std::string& out) const;
  // Takes one off the front of `in`; false when there is none.
  static bool take_from(std::string_view& in, OpenChunk& chunk);

 private:
  void reserve(size_t bytes);
  // The full tail becomes a piece.
  void fold_tail();
  size_t payload_bytes() const { return tail_at_ + (tail_bits_ + 7) / 8; }

  int64_t last_ms_ = INT64_MIN;
  uint64_t last_bits_ = 0;
  std::unique_ptr<uint8_t[]> data_;
  uint64_t length_ms_ : 27 = 0;  // From the first sample to the last; both lie within one day.
  uint64_t step_ms_ : 27 = 0;
  uint64_t count_ : 10 = 0;
  uint16_t tail_at_ = 0;    // Where the tail begins: the pieces' bytes.
  uint16_t tail_bits_ = 0;  // Its length, header included.
  uint16_t capacity_ = 0;
  uint8_t leading_ = 64;
  uint8_t trailing_ = 0;
};

}  // namespace tidemark::storage
