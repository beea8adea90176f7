#include "aggregator/storage/xor_values.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "model/varint.h"

namespace tidemark::storage {
namespace {

// Bits from the highest of each byte on.
class Stream {
 public:
  // REQUIRES: bits <= 64, value < 2^bits.
  void put(uint64_t value, unsigned bits) {
    if (bits > 32) {
      put(value >> 32, bits - 32);
      value &= 0xffffffffU;
      bits = 32;
    }
    word_ = (word_ << bits) | value;
    filled_ += bits;
    while (filled_ >= 8) {
      filled_ -= 8;
      bytes_ += static_cast<char>(static_cast<uint8_t>(word_ >> filled_));
    }
  }
  std::string finish() {
    if (filled_ > 0) put(0, 8 - filled_);
    return std::move(bytes_);
  }

 private:
  std::string bytes_;
  uint64_t word_ = 0;
  unsigned filled_ = 0;  // Below 8 between calls.
};

}  // namespace

void append_xor_values(std::span<const double> values, std::string& out) {
  Stream stream;
  uint64_t before = std::bit_cast<uint64_t>(values[0]);
  stream.put(before, 64);
  unsigned leading = 0;
  unsigned trailing = 0;
  unsigned length = 0;
  for (size_t i = 1; i < values.size(); ++i) {
    const auto value = std::bit_cast<uint64_t>(values[i]);
    const uint64_t changed = value ^ before;
    before = value;
    if (changed == 0) {
      stream.put(0, 1);
      continue;
    }
    const unsigned zeros = std::min(31U, static_cast<unsigned>(std::countl_zero(changed)));
    const auto low_zeros = static_cast<unsigned>(std::countr_zero(changed));
    const unsigned needed = 64 - zeros - low_zeros;
    // A window much wider than needed costs more than telling of a new one.
    if (length != 0 && zeros >= leading && low_zeros >= trailing && length <= needed + 11) {
      stream.put(0b10, 2);
    } else {
      leading = zeros;
      trailing = low_zeros;
      length = needed;
      stream.put((0b11U << 11) | (leading << 6) | (length & 63), 13);
    }
    stream.put(changed >> trailing, length);
  }
  append_prefixed(out, stream.finish());
}

XorValuesReader::XorValuesReader(std::string_view bytes, size_t count) : rest_(bytes), left_(count) {
  std::string_view stream;
  if (!take_prefixed(rest_, stream)) {
    ok_ = false;
    left_ = 0;
    return;
  }
  data_ = reinterpret_cast<const uint8_t*>(stream.data());
  bits_ = stream.size() * 8;
}

// The next 57 bits at least, highest first; zeros behind the end.
uint64_t XorValuesReader::peek() const {
  const size_t byte = at_ / 8;
  uint64_t word = 0;
  if (byte + 8 <= bits_ / 8) [[likely]] {
    std::memcpy(&word, data_ + byte, 8);
  } else {
    std::memcpy(&word, data_ + byte, bits_ / 8 - byte);
  }
  return __builtin_bswap64(word) << (at_ % 8);
}

// REQUIRES: 0 < bits <= 64.
uint64_t XorValuesReader::read(unsigned bits) {
  if (bits > 56) {
    const uint64_t high = read(bits - 32);
    return (high << 32) | read(32);
  }
  if (bits > bits_ - at_) {
    ok_ = false;
    at_ = bits_;
    return 0;
  }
  const uint64_t value = peek() >> (64 - bits);
  at_ += bits;
  return value;
}

size_t XorValuesReader::next(std::span<double> out) {
  const size_t wanted = std::min(left_, out.size());
  size_t i = 0;
  if (wanted > 0 && first_) {
    value_ = read(64);
    first_ = false;
    out[i++] = std::bit_cast<double>(value_);
  }
  for (; i < wanted; ++i) {
    const uint64_t head = peek();  // Zeros behind the end: read() below finds out.
    if (head >> 63 == 0) {
      if (at_ == bits_) ok_ = false;
      ++at_;
      if (at_ > bits_) at_ = bits_;
    } else {
      if ((head >> 62) == 0b11) {
        read(2);
        const auto leading = static_cast<unsigned>(read(5));
        length_ = static_cast<unsigned>(read(6));
        if (length_ == 0) length_ = 64;
        if (leading + length_ > 64) ok_ = false;
        trailing_ = 64 - leading - length_;
      } else {
        read(2);
      }
      if (length_ == 0 || !ok_) {  // A window is used before one was given, or given wrongly.
        ok_ = false;
        break;
      }
      value_ ^= read(length_) << trailing_;
    }
    out[i] = std::bit_cast<double>(value_);
  }
  left_ -= wanted;
  if (left_ == 0 && bits_ - at_ >= 8) ok_ = false;
  if (ok_) return wanted;
  left_ = 0;
  return 0;
}

}  // namespace tidemark::storage
