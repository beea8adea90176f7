// Pieces: the payload of a chunk that is still being appended to, as it lies in memory and in head groups; never in the
// chunks family.
//
//   payload  piece * (count / 64), then the tail unless count % 64 is 0
//   piece    bytes:2 LE of the columns | first time:4 LE | columns (column_chunk.h) of 64 samples
//   tail     first time:4 LE | XOR stream (xor_chunk.h) of the last count % 64 samples
//
// Times are milliseconds since the window's start. The newest samples are cheap to append, the others take as little
// memory as in files, and who needs the newest only passes over the rest: DESIGN's "open chunk in pieces". No RocksDB
// here: bytes and spans.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "aggregator/storage/chunk.h"

namespace tidemark::storage {

inline constexpr uint32_t kPieceSamples = 64;
inline constexpr size_t kTailHeaderBytes = 4;
// No columns of 64 samples are larger: at worst they hold values and times as they are.
inline constexpr size_t kPieceBytesMax = 2048;

// Appends a piece. REQUIRES: kPieceSamples of each; times rise and lie within one window.
void append_piece(std::span<const int64_t> t_ms, std::span<const double> v, std::string& out);
// What stands before a tail's stream.
void put_tail_header(int64_t first_ms, uint8_t* out);

// Takes a payload apart. Any bytes may be given.
class PieceReader {
 public:
  PieceReader() = default;
  // REQUIRES: `payload` outlives the reader. `first_ms` is the chunk's.
  PieceReader(std::string_view payload, int64_t first_ms, uint32_t count);

  // The next piece, or the tail, as a chunk of its own, whose last_ms is not set. False at the end and when the bytes
  // are no pieces; what is in one may still not decode.
  bool next(ChunkView& part);
  // Passes over pieces that end before t_ms.
  void skip_to(int64_t t_ms);

  std::string_view rest() const { return rest_; }  // What next() would begin with.
  uint32_t left() const { return left_; }          // Samples in it.
  int64_t first_ms() const;                        // Of them. REQUIRES: left() > 0 and bytes that are pieces.
  bool ok() const { return ok_; }

 private:
  // The first time of what begins with `bytes`.
  int64_t time_at(std::string_view bytes) const;

  std::string_view rest_;
  int64_t window_ms_ = 0;
  uint32_t left_ = 0;
  bool ok_ = true;
};

}  // namespace tidemark::storage
