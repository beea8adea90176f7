#include "aggregator/storage/pieces.h"

#include <cassert>
#include <cstring>

#include "aggregator/storage/column_chunk.h"
#include "aggregator/storage/keys.h"

namespace tidemark::storage {
namespace {

constexpr size_t kSizeBytes = 2;
constexpr size_t kPieceHeaderBytes = kSizeBytes + kTailHeaderBytes;

uint32_t in_window(int64_t t_ms) { return static_cast<uint32_t>(t_ms - window_start_ms(window_of(t_ms))); }

}  // namespace

void append_piece(std::span<const int64_t> t_ms, std::span<const double> v, std::string& out) {
  assert(t_ms.size() == kPieceSamples && v.size() == kPieceSamples);
  const size_t begin = out.size();
  out.resize(begin + kPieceHeaderBytes);
  append_columns(t_ms, v, out);
  const size_t size = out.size() - begin - kPieceHeaderBytes;
  assert(size <= kPieceBytesMax);
  const auto bytes = static_cast<uint16_t>(size);
  const uint32_t first = in_window(t_ms.front());
  std::memcpy(out.data() + begin, &bytes, sizeof bytes);
  std::memcpy(out.data() + begin + kSizeBytes, &first, sizeof first);
}

void put_tail_header(int64_t first_ms, uint8_t* out) {
  const uint32_t first = in_window(first_ms);
  std::memcpy(out, &first, sizeof first);
}

PieceReader::PieceReader(std::string_view payload, int64_t first_ms, uint32_t count)
    : rest_(payload), window_ms_(window_start_ms(window_of(first_ms))), left_(count) {}

int64_t PieceReader::time_at(std::string_view bytes) const {
  uint32_t first = 0;
  std::memcpy(&first, bytes.data(), sizeof first);
  return window_ms_ + first;
}

int64_t PieceReader::first_ms() const { return time_at(rest_.substr(left_ < kPieceSamples ? 0 : kSizeBytes)); }

bool PieceReader::next(ChunkView& part) {
  if (!ok_ || left_ == 0) {
    ok_ = ok_ && rest_.empty();
    return false;
  }
  part = {};
  if (left_ < kPieceSamples) {
    ok_ = rest_.size() >= kTailHeaderBytes;
    if (!ok_) return false;
    part.codec = Codec::kXor;
    part.count = left_;
    part.first_ms = time_at(rest_);
    part.payload = rest_.substr(kTailHeaderBytes);
    rest_ = {};
  } else {
    uint16_t bytes = 0;
    if (rest_.size() >= kPieceHeaderBytes) std::memcpy(&bytes, rest_.data(), sizeof bytes);
    ok_ = rest_.size() >= kPieceHeaderBytes + bytes;
    if (!ok_) return false;
    part.codec = Codec::kColumns;
    part.count = kPieceSamples;
    part.first_ms = time_at(rest_.substr(kSizeBytes));
    part.payload = rest_.substr(kPieceHeaderBytes, bytes);
    rest_.remove_prefix(kPieceHeaderBytes + bytes);
  }
  left_ -= part.count;
  return true;
}

void PieceReader::skip_to(int64_t t_ms) {
  // A piece ends before the first sample of what follows it.
  while (left_ > kPieceSamples) {
    uint16_t bytes = 0;
    if (rest_.size() < kPieceHeaderBytes) return;
    std::memcpy(&bytes, rest_.data(), sizeof bytes);
    const size_t next = kPieceHeaderBytes + bytes;
    const size_t time = next + (left_ - kPieceSamples >= kPieceSamples ? kSizeBytes : 0);
    if (rest_.size() < time + kTailHeaderBytes || time_at(rest_.substr(time)) > t_ms) return;
    rest_.remove_prefix(next);
    left_ -= kPieceSamples;
  }
}

}  // namespace tidemark::storage
