#include "aggregator/storage/chunk_codec.h"

#include <cassert>

#include "aggregator/storage/start_runs.h"

namespace tidemark::storage {

std::string make_chunk(std::span<const int64_t> t_ms, std::span<const double> v, std::span<const int64_t> start_ms) {
  assert(!t_ms.empty() && t_ms.size() == v.size() && t_ms.size() <= kChunkSamplesMax);
  std::string payload;
  append_columns(t_ms, v, payload);
  const std::string starts = encode_starts(t_ms, start_ms);
  return encode_chunk({Codec::kColumns, SampleKind::kFloat, static_cast<uint32_t>(t_ms.size()), t_ms.front(),
                       t_ms.back(), payload, starts});
}

ChunkDecoder::ChunkDecoder(const ChunkView& chunk) {
  if (chunk.codec == Codec::kPieces) {
    pieces_ = PieceReader(chunk.payload, chunk.first_ms, chunk.count);
  } else {
    begin(chunk);
  }
}

void ChunkDecoder::begin(const ChunkView& part) {
  if (part.codec == Codec::kHistograms) {  // No floats: what is asked of it fails.
    xor_ = XorDecoder({}, part.first_ms, part.count);
    return;
  }
  columns_in_use_ = part.codec == Codec::kColumns;
  if (columns_in_use_) {
    columns_ = ColumnDecoder(part.payload, part.first_ms, part.count);
  } else {
    xor_ = XorDecoder(part.payload, part.first_ms, part.count);
  }
}

size_t ChunkDecoder::next(std::span<int64_t> t_ms, std::span<double> v) {
  size_t done = 0;
  for (;;) {
    const std::span<int64_t> times = t_ms.subspan(done);
    const std::span<double> values = v.subspan(done);
    done += columns_in_use_ ? columns_.next(times, values) : xor_.next(times, values);
    ChunkView part;
    if (!ok()) return 0;
    if (done == t_ms.size() || !pieces_.next(part)) return done;
    begin(part);
  }
}

void ChunkDecoder::skip_to(int64_t t_ms) {
  pieces_.skip_to(t_ms);
  if (columns_in_use_) columns_.skip_to(t_ms);
}

}  // namespace tidemark::storage
