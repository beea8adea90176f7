#include "aggregator/storage/open_chunk.h"

#include <algorithm>
#include <cstring>

#include "aggregator/storage/keys.h"
#include "model/varint.h"

namespace tidemark::storage {
namespace {

constexpr size_t kFirstBytes = 40;
// A sample takes at most 145 bits.
constexpr uint64_t kStreamBitsMax = uint64_t{kChunkSamplesMax} * 145;

// Of malloc's steps of 16 bytes, 8 of which it keeps.
size_t without_waste(size_t bytes) { return (bytes + 8 + 15) / 16 * 16 - 8; }

}  // namespace

void OpenChunk::reserve(size_t bytes) {
  if (bytes <= capacity_) return;
  const size_t grown = without_waste(std::max({bytes, kFirstBytes, size_t{capacity_} + capacity_ / 4}));
  auto data = std::make_unique<uint8_t[]>(grown);
  if (data_) std::memcpy(data.get(), data_.get(), (bit_count_ + 7) / 8);
  data_ = std::move(data);
  capacity_ = static_cast<uint32_t>(grown);
}

void OpenChunk::append(int64_t t_ms, double v) {
  length_ms_ = count_ == 0 ? 0 : length_ms_ + static_cast<uint32_t>(t_ms - last_ms_);
  // The sample is made aside, from the last byte that has room, so that no series keeps room for the worst one.
  uint8_t aside[1 + kXorSlackBytes] = {};
  const uint32_t whole_bytes = bit_count_ / 8;
  if (bit_count_ % 8 != 0) aside[0] = data_[whole_bytes];
  XorState state;
  state.t_ms = last_ms_;
  state.v_bits = last_bits_;
  state.step_ms = step_ms_;
  state.bit_count = bit_count_ % 8;
  state.count = count_;
  state.leading = leading_;
  state.trailing = trailing_;
  xor_append(state, aside, t_ms, v);
  const size_t aside_bytes = state.byte_count();
  reserve(whole_bytes + aside_bytes);
  std::memcpy(data_.get() + whole_bytes, aside, aside_bytes);
  last_ms_ = state.t_ms;
  last_bits_ = state.v_bits;
  step_ms_ = static_cast<uint32_t>(state.step_ms);
  bit_count_ = whole_bytes * 8 + state.bit_count;
  count_ = state.count;
  leading_ = state.leading;
  trailing_ = state.trailing;
}

OwnedChunk OpenChunk::copy() const {
  return {count_, first_ms(), last_ms_, std::string(reinterpret_cast<const char*>(data_.get()), (bit_count_ + 7) / 8)};
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
  append_varint(out, step_ms_);
  out += static_cast<char>(leading_);
  out += static_cast<char>(trailing_);
  append_varint(out, bit_count_);
  out.append(reinterpret_cast<const char*>(data_.get()), (bit_count_ + 7) / 8);
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
  uint64_t step_ms = 0;
  uint64_t bits = 0;
  if (!take_varint(in, length_ms) || length_ms >= kWindowMs || !take_varint(in, step_ms) || step_ms > length_ms ||
      in.size() < 2 || chunk.last_ms_ < kOldestTimestampMs || chunk.last_ms_ > kNewestTimestampMs) {
    return false;
  }
  chunk.leading_ = static_cast<uint8_t>(in[0]);
  chunk.trailing_ = static_cast<uint8_t>(in[1]);
  in.remove_prefix(2);
  if (chunk.leading_ > 64 || chunk.leading_ + chunk.trailing_ > 64 || !take_varint(in, bits) || bits > kStreamBitsMax ||
      (bits + 7) / 8 > in.size()) {
    return false;
  }
  const size_t bytes = (bits + 7) / 8;
  chunk.reserve(bytes);
  std::memcpy(chunk.data_.get(), in.data(), bytes);
  in.remove_prefix(bytes);
  chunk.length_ms_ = static_cast<uint32_t>(length_ms);
  chunk.step_ms_ = static_cast<uint32_t>(step_ms);
  chunk.bit_count_ = static_cast<uint32_t>(bits);
  chunk.count_ = static_cast<uint16_t>(count);
  return true;
}

}  // namespace tidemark::storage
