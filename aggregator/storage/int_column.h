// Integer columns: whole numbers as bytes, small where they are regular. What rollup chunks are made of: packed
// integers (packed_ints.h), before which a divisor is taken out.
//
//   118                                               all are zero: that was all
//   119 | varint(g) | signed varint(x0) | packed      g is the greatest common divisor of all x[i] - x0, which are what
//                                                     is packed, divided by it
//   packed                                            otherwise; its first byte is neither of those
//
// A column does not know its length; its reader does. Arithmetic is modulo 2^64, so any numbers come back, the bits of
// doubles too.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tidemark::storage {

// REQUIRES: not empty, at most 2^16 numbers.
void append_ints(std::string& out, std::span<const int64_t> x);

// Takes a column of x.size() numbers off the front of `in`. False when these bytes are none; then `x` is undefined.
bool take_ints(std::string_view& in, std::span<int64_t> x);

}  // namespace tidemark::storage
