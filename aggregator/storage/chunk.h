// Chunk: some hundred samples of one series within one window, as they lie in the chunks family.
//
//   XOR       codec:1 | kind:1 | varint(count) | signed varint(first ms) | varint(last - first) | payload | checksum:4
//   columns   codec:1 | varint(count) | signed varint(first ms) | payload | checksum:4
//
//   starts    codec:1 | varint(count) | signed varint(first ms) | varint(bytes of starts) | starts | payload |
//   checksum:4
//
//   histograms  codec:1 | varint(count) | signed varint(first ms) | varint(bytes of starts) | starts | payload |
//   checksum:4
//
//   codec     1 is XOR (xor_chunk.h), 2 columns (column_chunk.h), whose last time follows from the payload, 4 columns
//             with start timestamps (start_runs.h) before them. These hold floats. 5 is native histograms
//             (histogram_chunk.h), whose payload begins with the times as columns do; starts may be empty. Others are
//             of later formats: kUnsupported.
//   kind      low four bits SampleKind, the others 0.
//   checksum  XXH3 of all before it, its low 32 bits, little-endian. RocksDB checks its blocks too; this one also
//   covers
//             the way through our own hands, and lets a salvage tool judge a chunk by itself.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/sample.h"
#include "model/status.h"

namespace tidemark::storage {

// 512 samples: two hours at 15 s. Longer chunks save little, and what a query decodes in vain grows with them.
inline constexpr uint32_t kChunkSamplesMax = 512;

// Stored in chunk headers: never renumber. Pieces are what is open (pieces.h), in memory only.
enum class Codec : uint8_t { kXor = 1, kColumns = 2, kPieces = 3, kHistograms = 5 };

// A chunk whose header has been read. Does not own the payload.
struct ChunkView {
  Codec codec = Codec::kXor;
  SampleKind kind = SampleKind::kFloat;
  uint32_t count = 0;
  int64_t first_ms = 0;
  int64_t last_ms = 0;
  std::string_view payload;
  std::string_view starts = {};  // Of columns and pieces: the column of start timestamps; empty when none has one.
};

std::string encode_chunk(const ChunkView& chunk);

// Checks the checksum and every field. Payload and starts are views into `bytes`.
Result<ChunkView> parse_chunk(std::string_view bytes);

// Appends the low 32 bits of XXH3 of `out`; takes them off again, false when they do not fit.
void append_checksum(std::string& out);
bool take_checksum(std::string_view& in);

}  // namespace tidemark::storage
