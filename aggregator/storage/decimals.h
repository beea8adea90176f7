// Decimals: doubles as integers, value = (q * divisor + remainder) / 10^exponent, in exactly these floating-point
// operations; where that does not give the value back bit by bit, the value is an exception. After "ALP: Adaptive
// Lossless floating-Point Compression" (Afroozeh, Kuffó, Boncz, SIGMOD 2024), with a division, which is exact for what
// was once written as a decimal, in place of its two multiplications.
//
// The exponent is guessed from a few values, then verified on all, and raised only where enough values ask for it to
// pay: one odd value among cents is an exception, not a reason to write 15 digits for all others.
//
//   values 12.5, 13.25, stale, 14.5:  exponent 2; 1250, 1325, 1388, 1450; divisor 25 gives 50, 53, 55, 58 and one
//   exception. (In the place of an exception stands what is between its neighbours.)
//
// List of exceptions: varint(8 * values between this one and the exception before + kind), kind 7 followed by the
// value's 8 bytes, little-endian.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/storage/packing.h"

namespace tidemark::storage {

// 10^15 is the last power of ten below kDecimalMax, and nobody writes more digits behind the point than that.
inline constexpr unsigned kExponentMax = 15;

// q lies in -kDecimalMax .. kDecimalMax: what a double holds to a half.
inline constexpr int64_t kDecimalMax = (int64_t{1} << 51) - 1;

struct DecimalScale {
  unsigned exponent = 0;  // At most kExponentMax.
  uint64_t divisor = 1;   // 1 .. 2 * kDecimalMax: a difference of two. Greater than the remainder.
  uint64_t remainder = 0;
};

struct Decimals {
  DecimalScale scale;
  std::vector<int64_t> numbers;  // q.
  std::string exceptions;
};

// False when the values are no decimals, or so few of them that it is not worth it. REQUIRES: not empty.
bool to_decimals(std::span<const double> values, Decimals& out);

// kBlock values. Numbers out of bounds give values of no meaning, but no harm.
void from_decimals(const DecimalScale& scale, const int64_t* numbers, double* values);

// Goes through a list of exceptions. Any bytes may be given.
class ExceptionReader {
 public:
  ExceptionReader() = default;
  explicit ExceptionReader(std::string_view bytes) : bytes_(bytes), at_(bytes.empty() ? SIZE_MAX : 0) { advance(); }

  // Puts those that lie in [begin, begin + count) into values[0 .. count).
  void apply(size_t begin, size_t count, double* values) {
    while (at_ - begin < count) {
      put(values[at_ - begin]);
      ++at_;
      advance();
    }
  }
  // Passes over those before `end`.
  void skip(size_t end);

  bool ok() const { return ok_; }

 private:
  void advance();
  void put(double& value) const;

  std::string_view bytes_;
  size_t at_ = SIZE_MAX;  // Of the next exception.
  unsigned kind_ = 0;
  uint64_t bits_ = 0;
  bool ok_ = true;
};

}  // namespace tidemark::storage
