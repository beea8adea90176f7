#include "aggregator/storage/open_chunk.h"

#include <algorithm>
#include <cstring>

#include "model/varint.h"

namespace tidemark::storage {
namespace {

constexpr char kFormat = 1;
// Room for the slack and some 20 slow samples.
constexpr size_t kFirstBytes = 64;
// A sample takes at most 145 bits.
constexpr uint64_t kStreamBitsMax = uint64_t{kChunkSamplesMax} * 145;

}  // namespace

void OpenChunk::reserve(size_t bytes) {
  if (bytes <= capacity_) return;
  const size_t grown = std::max({bytes, kFirstBytes, size_t{capacity_} + capacity_ / 2});
  auto data = std::make_unique<uint8_t[]>(grown);  // Zeroed.
  if (data_) std::memcpy(data.get(), data_.get(), state_.byte_count());
  data_ = std::move(data);
  capacity_ = static_cast<uint32_t>(grown);
}

void OpenChunk::append(int64_t t_ms, double v) {
  reserve(state_.byte_count() + kXorSlackBytes);
  if (state_.count == 0) first_ms_ = t_ms;
  xor_append(state_, data_.get(), t_ms, v);
}

OwnedChunk OpenChunk::copy() const {
  return {state_.count, first_ms_, state_.t_ms,
          std::string(reinterpret_cast<const char*>(data_.get()), state_.byte_count())};
}

OwnedChunk OpenChunk::take() {
  OwnedChunk out = copy();
  *this = OpenChunk();
  return out;
}

std::string OpenChunk::serialize() const {
  std::string out;
  out.reserve(state_.byte_count() + 40);
  out += kFormat;
  append_varint(out, state_.count);
  append_signed_varint(out, first_ms_);
  append_varint(out, static_cast<uint64_t>(state_.t_ms - first_ms_));
  append_signed_varint(out, state_.step_ms);
  for (int shift = 0; shift < 64; shift += 8) {
    out += static_cast<char>(static_cast<unsigned char>(state_.v_bits >> shift));
  }
  out += static_cast<char>(state_.leading);
  out += static_cast<char>(state_.trailing);
  append_varint(out, state_.bit_count);
  out.append(reinterpret_cast<const char*>(data_.get()), state_.byte_count());
  append_checksum(out);
  return out;
}

Result<OpenChunk> OpenChunk::parse(std::string_view bytes) {
  const auto corrupt = [](std::string_view what) {
    return fail(Status::corruption("open chunk: " + std::string(what)));
  };
  if (!take_checksum(bytes)) return corrupt("checksum does not match");
  if (bytes.empty() || bytes[0] != kFormat) return fail(Status::unsupported("open chunk: format is not known"));
  bytes.remove_prefix(1);
  OpenChunk chunk;
  uint64_t count = 0;
  uint64_t length_ms = 0;
  if (!take_varint(bytes, count) || !take_signed_varint(bytes, chunk.first_ms_) || !take_varint(bytes, length_ms) ||
      !take_signed_varint(bytes, chunk.state_.step_ms) || bytes.size() < 10) {
    return corrupt("header is cut off");
  }
  for (size_t i = 0; i < 8; ++i) {
    chunk.state_.v_bits |= static_cast<uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  chunk.state_.leading = static_cast<uint8_t>(bytes[8]);
  chunk.state_.trailing = static_cast<uint8_t>(bytes[9]);
  bytes.remove_prefix(10);
  uint64_t bits = 0;
  if (!take_varint(bytes, bits) || bits > kStreamBitsMax || (bits + 7) / 8 != bytes.size()) {
    return corrupt("length does not fit");
  }
  if (count == 0 || count > kChunkSamplesMax || length_ms > static_cast<uint64_t>(INT32_MAX) * 1000 ||
      chunk.state_.leading > 64 || chunk.state_.leading + chunk.state_.trailing > 64) {
    return corrupt("header is out of range");
  }
  chunk.state_.count = static_cast<uint16_t>(count);
  chunk.state_.t_ms = static_cast<int64_t>(static_cast<uint64_t>(chunk.first_ms_) + length_ms);
  chunk.state_.bit_count = 0;  // Nothing to keep while reserving.
  chunk.reserve(bytes.size() + kXorSlackBytes);
  std::memcpy(chunk.data_.get(), bytes.data(), bytes.size());
  chunk.state_.bit_count = static_cast<uint32_t>(bits);
  return chunk;
}

}  // namespace tidemark::storage
