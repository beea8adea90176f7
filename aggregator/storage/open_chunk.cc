#include "aggregator/storage/open_chunk.h"

#include <algorithm>
#include <cstring>

#include "aggregator/storage/keys.h"
#include "model/varint.h"

namespace tidemark::storage {
namespace {

constexpr size_t kFirstBytes = 40;
// A sample takes at most 145 bits.
constexpr uint64_t kTailBitsMax = uint64_t{kPieceSamples} * 145;
constexpr uint64_t kPiecesBytesMax = kChunkSamplesMax / kPieceSamples * (kPieceBytesMax + 16);
// What the members have room for.
static_assert(kChunkSamplesMax <= 1023 && kWindowMs <= 1 << 27);
static_assert((kPiecesBytesMax + kTailBitsMax / 8) * 5 / 4 + 16 <= UINT16_MAX);
constexpr uint32_t kTailHeaderBits = kTailHeaderBytes * 8;

// Of malloc's steps of 16 bytes, 8 of which it keeps.
size_t without_waste(size_t bytes) { return (bytes + 8 + 15) / 16 * 16 - 8; }

}  // namespace

void OpenChunk::reserve(size_t bytes) {
  if (bytes <= capacity_) return;
  const size_t grown = without_waste(std::max({bytes, kFirstBytes, size_t{capacity_} + capacity_ / 4}));
  auto data = std::make_unique<uint8_t[]>(grown);
  if (data_) std::memcpy(data.get(), data_.get(), payload_bytes());
  data_ = std::move(data);
  capacity_ = static_cast<uint16_t>(grown);
}

void OpenChunk::append(int64_t t_ms, double v) {
  length_ms_ = count_ == 0 ? 0 : length_ms_ + static_cast<uint32_t>(t_ms - last_ms_);
  XorState state;
  if (count_ % kPieceSamples == 0) {
    reserve(tail_at_ + kTailHeaderBytes);
    put_tail_header(t_ms, data_.get() + tail_at_);
    tail_bits_ = kTailHeaderBits;
  } else {
    state.t_ms = last_ms_;
    state.v_bits = last_bits_;
    state.step_ms = step_ms_;
    state.count = count_ % kPieceSamples;
    state.leading = leading_;
    state.trailing = trailing_;
  }
  // The sample is made aside, from the last byte that has room, so that no series keeps room for the worst one.
  uint8_t aside[1 + kXorSlackBytes] = {};
  const uint32_t whole_bytes = tail_at_ + tail_bits_ / 8;
  state.bit_count = tail_bits_ % 8;
  if (state.bit_count != 0) aside[0] = data_[whole_bytes];
  const uint32_t bits_before = state.bit_count;
  xor_append(state, aside, t_ms, v);
  const size_t aside_bytes = state.byte_count();
  reserve(whole_bytes + aside_bytes);
  std::memcpy(data_.get() + whole_bytes, aside, aside_bytes);
  last_ms_ = state.t_ms;
  last_bits_ = state.v_bits;
  step_ms_ = static_cast<uint64_t>(state.step_ms);
  tail_bits_ += state.bit_count - bits_before;
  leading_ = state.leading;
  trailing_ = state.trailing;
  if (++count_ % kPieceSamples == 0) fold_tail();
}

void OpenChunk::fold_tail() {
  const std::string_view all(reinterpret_cast<const char*>(data_.get()), payload_bytes());
  PieceReader reader(all.substr(tail_at_), first_ms(), kPieceSamples - 1);  // One less: as a tail.
  int64_t t_ms[kPieceSamples];
  double v[kPieceSamples];
  XorDecoder decoder(all.substr(tail_at_ + kTailHeaderBytes), reader.first_ms(), kPieceSamples);
  tail_bits_ = 0;
  if (decoder.next(t_ms, v) != kPieceSamples || !decoder.ok() || t_ms[kPieceSamples - 1] != last_ms_) {
    // Damage in a head group that its checksum does not tell.
    count_ -= kPieceSamples;
    if (count_ == 0) drop();
    return;
  }
  std::string piece;
  append_piece(t_ms, v, piece);
  reserve(tail_at_ + piece.size());
  std::memcpy(data_.get() + tail_at_, piece.data(), piece.size());
  tail_at_ += static_cast<uint16_t>(piece.size());
}

OwnedChunk OpenChunk::copy(int64_t min_ms) const {
  OwnedChunk out;
  copy_to(out, min_ms);
  return out;
}

void OpenChunk::copy_to(OwnedChunk& out, int64_t min_ms) const {
  PieceReader reader({reinterpret_cast<const char*>(data_.get()), payload_bytes()}, first_ms(), count_);
  reader.skip_to(min_ms);
  out.count = reader.left();
  out.first_ms = reader.left() == count_ ? first_ms() : reader.first_ms();
  out.last_ms = last_ms_;
  out.payload.assign(reader.rest());
}

OwnedChunk OpenChunk::take() {
  OwnedChunk out = copy();
  drop();
  return out;
}

void OpenChunk::drop() { *this = OpenChunk(last_ms_, last_bits_); }

void OpenChunk::append_to(std::string& out) const {
  append_varint(out, count_);
  append_signed_varint(out, last_ms_);
  out.append(reinterpret_cast<const char*>(&last_bits_), sizeof last_bits_);
  if (count_ == 0) return;
  append_varint(out, length_ms_);
  append_varint(out, tail_at_);
  const auto* const bytes = reinterpret_cast<const char*>(data_.get());
  out.append(bytes, tail_at_);
  if (count_ % kPieceSamples == 0) return;
  append_varint(out, step_ms_);
  out += static_cast<char>(leading_);
  out += static_cast<char>(trailing_);
  append_varint(out, tail_bits_);
  out.append(bytes + tail_at_, payload_bytes() - tail_at_);
}

bool OpenChunk::take_from(std::string_view& in, OpenChunk& chunk) {
  chunk = OpenChunk();
  uint64_t count = 0;
  if (!take_varint(in, count) || count > kChunkSamplesMax || !take_signed_varint(in, chunk.last_ms_) ||
      in.size() < sizeof chunk.last_bits_) {
    return false;
  }
  std::memcpy(&chunk.last_bits_, in.data(), sizeof chunk.last_bits_);
  in.remove_prefix(sizeof chunk.last_bits_);
  if (count == 0) return true;
  uint64_t length_ms = 0;
  uint64_t pieces_bytes = 0;
  if (!take_varint(in, length_ms) || length_ms >= kWindowMs || !take_varint(in, pieces_bytes) ||
      pieces_bytes > std::min<uint64_t>(in.size(), kPiecesBytesMax) || chunk.last_ms_ < kOldestTimestampMs ||
      chunk.last_ms_ > kNewestTimestampMs) {
    return false;
  }
  chunk.length_ms_ = length_ms;
  chunk.count_ = count;
  const std::string_view pieces = in.substr(0, pieces_bytes);
  in.remove_prefix(pieces_bytes);
  PieceReader reader(pieces, chunk.first_ms(), static_cast<uint32_t>(count / kPieceSamples * kPieceSamples));
  for (ChunkView part; reader.next(part);) {
  }
  if (!reader.ok()) return false;
  uint64_t bits = 0;
  if (count % kPieceSamples != 0) {
    uint64_t step_ms = 0;
    if (!take_varint(in, step_ms) || step_ms > length_ms || in.size() < 2) return false;
    chunk.step_ms_ = step_ms;
    chunk.leading_ = static_cast<uint8_t>(in[0]);
    chunk.trailing_ = static_cast<uint8_t>(in[1]);
    in.remove_prefix(2);
    if (chunk.leading_ > 64 || chunk.leading_ + chunk.trailing_ > 64 || !take_varint(in, bits) ||
        bits < kTailHeaderBits || bits > kTailBitsMax || (bits + 7) / 8 > in.size()) {
      return false;
    }
  }
  const size_t tail_bytes = (bits + 7) / 8;
  chunk.reserve(pieces_bytes + tail_bytes);
  std::memcpy(chunk.data_.get(), pieces.data(), pieces_bytes);
  std::memcpy(chunk.data_.get() + pieces_bytes, in.data(), tail_bytes);
  in.remove_prefix(tail_bytes);
  chunk.tail_at_ = static_cast<uint16_t>(pieces_bytes);
  chunk.tail_bits_ = static_cast<uint16_t>(bits);
  return true;
}

}  // namespace tidemark::storage
