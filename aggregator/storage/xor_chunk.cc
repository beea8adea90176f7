#include "aggregator/storage/xor_chunk.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace tidemark::storage {
namespace {

constexpr size_t kSimpleMax = 4096;  // Samples read in one go, so that sums of their steps have a bound.

uint64_t load_be(const uint8_t* at) {
  uint64_t v = 0;
  std::memcpy(&v, at, sizeof v);
  return __builtin_bswap64(v);
}

void store_be(uint8_t* at, uint64_t v) {
  v = __builtin_bswap64(v);
  std::memcpy(at, &v, sizeof v);
}

// REQUIRES: 0 < bits <= 56, so that with the up to 7 bits before it in the first byte it fits one word.
void put(XorState& state, uint8_t* bytes, uint64_t value, unsigned bits) {
  uint8_t* at = bytes + state.bit_count / 8;
  const unsigned offset = state.bit_count % 8;
  store_be(at, load_be(at) | (value << (64 - offset - bits)));
  state.bit_count += bits;
}

void put_long(XorState& state, uint8_t* bytes, uint64_t value, unsigned bits) {
  if (bits > 32) {
    put(state, bytes, value >> 32, bits - 32);
    value &= 0xffffffffU;
    bits = 32;
  }
  put(state, bytes, value, bits);
}

struct StepBucket {
  unsigned prefix;
  unsigned prefix_bits;
  unsigned bits;
  int64_t max;  // 2^(bits - 1); the least is one more than its negative.
};
constexpr StepBucket kBuckets[] = {{0b10, 2, 14, 8192}, {0b110, 3, 17, 65'536}, {0b1110, 4, 20, 524'288}};

void put_step_change(XorState& state, uint8_t* bytes, int64_t change) {
  if (change == 0) return put(state, bytes, 0, 1);
  for (const StepBucket& bucket : kBuckets) {
    if (change > -bucket.max && change <= bucket.max) {
      const uint64_t low = static_cast<uint64_t>(change) & ((uint64_t{1} << bucket.bits) - 1);
      return put(state, bytes, (uint64_t{bucket.prefix} << bucket.bits) | low, bucket.prefix_bits + bucket.bits);
    }
  }
  put(state, bytes, 0b1111, 4);
  put_long(state, bytes, static_cast<uint64_t>(change), 64);
}

void put_value(XorState& state, uint8_t* bytes, uint64_t v_bits) {
  const uint64_t changed = v_bits ^ state.v_bits;
  if (changed == 0) return put(state, bytes, 0, 1);
  const unsigned leading = std::min(31U, static_cast<unsigned>(std::countl_zero(changed)));
  const auto trailing = static_cast<unsigned>(std::countr_zero(changed));
  if (state.leading != 64 && leading >= state.leading && trailing >= state.trailing) {
    put(state, bytes, 0b10, 2);
    return put_long(state, bytes, changed >> state.trailing, 64U - state.leading - state.trailing);
  }
  const unsigned length = 64 - leading - trailing;
  put(state, bytes, (0b11U << 11) | (leading << 6) | (length & 63), 13);
  put_long(state, bytes, changed >> trailing, length);
  state.leading = static_cast<uint8_t>(leading);
  state.trailing = static_cast<uint8_t>(trailing);
}

}  // namespace

void xor_append(XorState& state, uint8_t* bytes, int64_t t_ms, double v) {
  const auto v_bits = std::bit_cast<uint64_t>(v);
  if (state.count == 0) {
    put_long(state, bytes, v_bits, 64);
  } else {
    const int64_t step_ms = t_ms - state.t_ms;
    put_step_change(state, bytes, step_ms - state.step_ms);
    put_value(state, bytes, v_bits);
    state.step_ms = step_ms;
  }
  state.t_ms = t_ms;
  state.v_bits = v_bits;
  ++state.count;
}

uint64_t XorDecoder::read(unsigned bits) {
  if (bits > 56) {
    const uint64_t high = read(bits - 32);
    return (high << 32) | read(32);
  }
  if (bits > bits_ - at_) {
    ok_ = false;
    at_ = bits_;
    return 0;
  }
  const size_t byte = at_ / 8;
  const unsigned offset = at_ % 8;
  uint64_t word = 0;
  if (byte + 8 <= bits_ / 8) [[likely]] {
    word = load_be(data_ + byte);
  } else {
    uint8_t last[8] = {};
    std::memcpy(last, data_ + byte, bits_ / 8 - byte);
    word = load_be(last);
  }
  at_ += bits;
  return bits == 0 ? 0 : (word << offset) >> (64 - bits);
}

int64_t XorDecoder::read_step_change() {
  if (read(1) == 0) return 0;
  for (const StepBucket& bucket : kBuckets) {
    if (read(1) == 0) {
      auto low = static_cast<int64_t>(read(bucket.bits));
      if (low > bucket.max) low -= 2 * bucket.max;
      return low;
    }
  }
  return static_cast<int64_t>(read(64));
}

// The next 57 bits at least, highest first; zeros behind the end.
uint64_t XorDecoder::peek(size_t at) const {
  const size_t byte = at / 8;
  const size_t bytes = bits_ / 8;
  uint64_t word = 0;
  if (byte + 8 <= bytes) [[likely]] {
    word = load_be(data_ + byte);
  } else if (byte < bytes) {
    uint8_t last[8] = {};
    std::memcpy(last, data_ + byte, bytes - byte);
    word = load_be(last);
  }
  return word << (at % 8);
}

// One look at the stream serves a sample's step and, mostly, all of its value. What lies behind the end reads as zeros
// and is found afterwards.
bool XorDecoder::read_sample() {
  uint64_t head = peek(at_);
  if (head >> 63 == 0) {
    ++at_;
    head <<= 1;
  } else {
    // Unsigned: hostile bytes may ask for any sum.
    step_ms_ = static_cast<int64_t>(static_cast<uint64_t>(step_ms_) + static_cast<uint64_t>(read_step_change()));
    if (!ok_) return false;
    head = peek(at_);
  }
  const auto t_ms = static_cast<int64_t>(static_cast<uint64_t>(t_ms_) + static_cast<uint64_t>(step_ms_));
  if (t_ms <= t_ms_) return false;
  t_ms_ = t_ms;
  if (head >> 63 == 0) {
    ++at_;
    return at_ <= bits_;
  }
  unsigned taken = 2;
  if ((head >> 62) == 0b11) {
    leading_ = static_cast<unsigned>(head << 2 >> 59);
    const auto length = static_cast<unsigned>(head << 7 >> 58);
    const unsigned bits = length == 0 ? 64 : length;
    if (leading_ + bits > 64) return false;
    trailing_ = 64 - leading_ - bits;
    taken = 13;
  } else if (leading_ == 64) {
    return false;  // A window is used before one was given.
  }
  const unsigned bits = 64 - leading_ - trailing_;
  at_ += taken;
  if (taken + bits <= kPeekBits) {
    v_bits_ ^= head << taken >> (64 - bits) << trailing_;
    at_ += bits;
    return at_ <= bits_;
  }
  if (at_ > bits_) return false;
  v_bits_ ^= read(bits) << trailing_;
  return ok_;
}

// Samples one look is enough for, with all that changes from one to the next in registers. Stops at the first that
// needs more, which is left to read_sample().
size_t XorDecoder::read_simple(int64_t* t_ms, double* v, size_t wanted) {
  size_t at = at_;
  int64_t now_ms = t_ms_;
  uint64_t value = v_bits_;
  unsigned leading = leading_;
  unsigned trailing = trailing_;
  // No sum of these overflows, and times rise.
  constexpr int64_t kTimeMax = INT64_MAX / 2;
  const bool steady = step_ms_ > 0 && step_ms_ <= kTimeMax / int64_t{kSimpleMax} && now_ms <= kTimeMax;
  size_t i = 0;
  for (const size_t end = steady ? std::min(wanted, kSimpleMax) : 0; i < end; ++i) {
    uint64_t head = peek(at);
    if (head >> 63 != 0) break;  // Another step.
    head <<= 1;
    unsigned taken = 2;
    if (head >> 63 == 0) {
      if (at + taken > bits_) break;
    } else {
      unsigned bits = 64 - leading - trailing;  // 0 where there is no window yet.
      if ((head >> 62) == 0b11) {
        const auto zeros = static_cast<unsigned>(head << 2 >> 59);
        bits = static_cast<unsigned>(head << 7 >> 58);
        taken = 13;
        if (bits == 0 || zeros + bits > 64 || taken + bits > kPeekBits) break;
        leading = zeros;
        trailing = 64 - zeros - bits;
      }
      if (bits == 0 || taken + bits > kPeekBits || at + 1 + taken + bits > bits_) break;
      value ^= head << taken >> (64 - bits) << trailing;
      taken += 1 + bits;
    }
    at += taken;
    now_ms += step_ms_;
    t_ms[i] = now_ms;
    v[i] = std::bit_cast<double>(value);
  }
  at_ = at;
  t_ms_ = now_ms;
  v_bits_ = value;
  leading_ = leading;
  trailing_ = trailing;
  return i;
}

size_t XorDecoder::next(std::span<int64_t> t_ms, std::span<double> v) {
  const size_t wanted = std::min<size_t>(left_, t_ms.size());
  size_t i = 0;
  if (wanted > 0 && left_ == count_) {
    v_bits_ = read(64);
    t_ms[0] = t_ms_;
    v[0] = std::bit_cast<double>(v_bits_);
    i = 1;
  }
  while (ok_ && i < wanted) {
    i += read_simple(&t_ms[i], &v[i], wanted - i);
    if (i == wanted) break;
    ok_ = read_sample();
    t_ms[i] = t_ms_;
    v[i] = std::bit_cast<double>(v_bits_);
    ++i;
  }
  left_ -= static_cast<uint32_t>(wanted);
  if (left_ == 0 && wanted > 0 && bits_ - at_ >= 8) ok_ = false;
  if (ok_) return wanted;
  left_ = 0;
  return 0;
}

}  // namespace tidemark::storage
