// A double as log records and what is like them write it, each by itself.
//
//   varint(zigzag(digits) << 3 | exponent), worth digits / 10^exponent, exponent 0 to 6;
//   or varint(7), then the double's 8 bytes, little-endian
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include "model/varint.h"

namespace tidemark::storage {

inline constexpr unsigned kLogValueRaw = 7;
inline constexpr unsigned kLogValueExponentMax = 6;
inline constexpr double kLogValuePowers[] = {1, 10, 100, 1000, 1e4, 1e5, 1e6};

inline void append_log_value(std::string& out, double v) {
  // Most monitoring values have at most three decimals; trying more makes every noisy float dearer.
  constexpr unsigned kExponentTried = 3;
  // Digits beyond this do not save a byte over the raw form.
  constexpr double kDigitsMax = 1e14;
  const auto bits = std::bit_cast<uint64_t>(v);
  for (unsigned exponent = 0; exponent <= kExponentTried; ++exponent) {
    const double scaled = v * kLogValuePowers[exponent];
    if (!(std::abs(scaled) <= kDigitsMax)) break;  // NaN and infinities end here too.
    const auto digits = static_cast<int64_t>(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    if (std::bit_cast<uint64_t>(static_cast<double>(digits) / kLogValuePowers[exponent]) == bits) {
      append_varint(out, (zigzag(digits) << 3) | exponent);
      return;
    }
  }
  append_varint(out, kLogValueRaw);
  for (int shift = 0; shift < 64; shift += 8) out += static_cast<char>(static_cast<unsigned char>(bits >> shift));
}

// Takes one off the front of `in`; false when there is none.
inline bool take_log_value(std::string_view& in, double& v) {
  uint64_t head = 0;
  if (!take_varint(in, head)) return false;
  const auto exponent = static_cast<unsigned>(head & 7);
  if (exponent <= kLogValueExponentMax) {
    v = static_cast<double>(unzigzag(head >> 3)) / kLogValuePowers[exponent];
    return true;
  }
  if (head != kLogValueRaw || in.size() < 8) return false;
  uint64_t bits = 0;
  for (size_t i = 0; i < 8; ++i) bits |= static_cast<uint64_t>(static_cast<unsigned char>(in[i])) << (8 * i);
  v = std::bit_cast<double>(bits);
  in.remove_prefix(8);
  return true;
}

}  // namespace tidemark::storage
