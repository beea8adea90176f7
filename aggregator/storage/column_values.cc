#include "aggregator/storage/column_values.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "model/varint.h"

namespace tidemark::storage {
namespace {

constexpr uint8_t kCoderMask = 0x1f;
constexpr uint8_t kDivided = 0x20;
constexpr uint8_t kExceptions = 0x40;
constexpr uint8_t kBitsCoder = 30;
constexpr uint8_t kXorCoder = 31;

// Between the bits of doubles and integers in the same order: negative ones count down. It is its own inverse.
int64_t in_order(int64_t bits) { return bits ^ static_cast<int64_t>(static_cast<uint64_t>(bits >> 63) >> 1); }

void append_decimals(const Decimals& decimals, std::string& out) {
  const DecimalScale& scale = decimals.scale;
  auto head = static_cast<uint8_t>(scale.exponent);
  if (scale.divisor != 1) head |= kDivided;
  if (!decimals.exceptions.empty()) head |= kExceptions;
  out += static_cast<char>(head);
  if (scale.divisor != 1) {
    append_varint(out, scale.divisor);
    append_varint(out, scale.remainder);
  }
  if (!decimals.exceptions.empty()) append_prefixed(out, decimals.exceptions);
  append_packed_ints(decimals.numbers, out);
}

void append_bits(std::span<const double> values, std::string& out) {
  uint64_t any = 0;
  for (const double v : values) any |= std::bit_cast<uint64_t>(v) & ~(uint64_t{1} << 63);
  // The sign's bits stay out: of a negative value all bits are turned over.
  const bool negative = std::any_of(values.begin(), values.end(), [](double v) { return std::signbit(v); });
  const auto shift = static_cast<uint8_t>(any == 0 || negative ? 0 : std::countr_zero(any));
  std::vector<int64_t> numbers(values.size());
  for (size_t i = 0; i < values.size(); ++i) numbers[i] = in_order(std::bit_cast<int64_t>(values[i])) >> shift;
  out += static_cast<char>(kBitsCoder | (shift != 0 ? kDivided : 0));
  if (shift != 0) append_varint(out, shift);
  append_packed_ints(numbers, out);
}

}  // namespace

void append_values(std::span<const double> values, std::string& out) {
  // What decimals need at most to be taken without a look at the other coders: a float's noise is wider by far.
  constexpr size_t kPlainlyDecimalBits = 20;
  const size_t begin = out.size();
  Decimals decimals;
  if (to_decimals(values, decimals)) append_decimals(decimals, out);
  const size_t decimal_bytes = out.size() - begin;
  if (decimal_bytes != 0 && decimal_bytes * 8 <= values.size() * kPlainlyDecimalBits) return;
  size_t best = decimal_bytes == 0 ? SIZE_MAX : decimal_bytes;
  std::string other;
  const auto keep_if_smaller = [&](size_t bytes) {
    if (bytes >= best) return;
    best = bytes;
    out.resize(begin);
    out += other;
  };
  append_bits(values, other);
  keep_if_smaller(other.size());
  other.assign(1, static_cast<char>(kXorCoder));
  append_xor_values(values, other);
  // Slow to decode: it has to gain something.
  if (other.size() + other.size() / 32 < best) keep_if_smaller(other.size());
}

bool take_values(std::string_view& in, std::span<double> values) {
  ValueReader reader(in, values.size());
  size_t at = 0;
  while (at + kBlock <= values.size()) {
    if (reader.next(values.data() + at) != kBlock) return false;
    at += kBlock;
  }
  if (at < values.size()) {
    double tail[kBlock];
    if (reader.next(tail) != values.size() - at) return false;
    std::copy_n(tail, values.size() - at, values.data() + at);
  }
  if (!reader.ok()) return false;
  in = reader.rest();
  return true;
}

ValueReader::ValueReader(std::string_view bytes, size_t count) { ok_ = begin(bytes, count); }

bool ValueReader::begin(std::string_view bytes, size_t count) {
  if (bytes.empty()) return count == 0;
  const auto head = static_cast<uint8_t>(bytes[0]);
  const auto coder = static_cast<uint8_t>(head & kCoderMask);
  bytes.remove_prefix(1);
  if ((head & ~(kCoderMask | kDivided | kExceptions)) != 0) return false;
  if (coder == kXorCoder) {
    coder_ = Coder::kXor;
    xors_ = XorValuesReader(bytes, count);
    return head == kXorCoder;
  }
  if (coder == kBitsCoder) {
    coder_ = Coder::kBits;
    uint64_t shift = 0;
    if ((head & kExceptions) != 0) return false;
    if ((head & kDivided) != 0 && (!take_varint(bytes, shift) || shift == 0 || shift > 63)) return false;
    shift_ = static_cast<uint8_t>(shift);
  } else {
    if (coder > kExponentMax) return false;
    scale_.exponent = coder;
    if ((head & kDivided) != 0 && (!take_varint(bytes, scale_.divisor) || !take_varint(bytes, scale_.remainder))) {
      return false;
    }
    if (scale_.divisor > 2 * uint64_t{kDecimalMax} || scale_.remainder > 2 * uint64_t{kDecimalMax}) return false;
    std::string_view exceptions;
    if ((head & kExceptions) != 0 && !take_prefixed(bytes, exceptions)) return false;
    exceptions_ = ExceptionReader(exceptions);
    any_exceptions_ = !exceptions.empty();
  }
  ints_ = IntReader(bytes, count);
  return true;
}

size_t ValueReader::next(double* values) {
  if (!ok()) return 0;
  if (coder_ == Coder::kXor) return xors_.next({values, kBlock});
  int64_t numbers[kBlock];
  const size_t count = ints_.next(numbers);
  if (count == 0) return 0;
  if (coder_ == Coder::kBits) {
    for (size_t i = 0; i < kBlock; ++i) {
      values[i] = std::bit_cast<double>(in_order(static_cast<int64_t>(static_cast<uint64_t>(numbers[i]) << shift_)));
    }
    return count;
  }
  from_decimals(scale_, numbers, values);
  if (any_exceptions_) {
    exceptions_.apply(at_, count, values);
    at_ += count;
    if (!exceptions_.ok()) return 0;
  }
  return count;
}

size_t ValueReader::skip() {
  if (!ok()) return 0;
  if (coder_ == Coder::kXor) {
    double values[kBlock];
    return xors_.next({values, kBlock});
  }
  const size_t count = ints_.skip();
  if (any_exceptions_) {
    at_ += count;
    exceptions_.skip(at_);
    if (!exceptions_.ok()) return 0;
  }
  return count;
}

}  // namespace tidemark::storage
