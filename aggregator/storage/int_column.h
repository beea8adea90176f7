// Integer columns: whole numbers as bytes, small where they are regular. What rollup chunks are made of.
//
//   kind:1                                                kZero: that was all
//          signed varint(x0)                              kConstant: that was all
//          signed varint(x0) [varint(g)] [first] residuals
//
// With g, the greatest common divisor of all x[i] - x0 (there when kind says so), y[i] = (x[i] - x0) / g, and the
// residuals of y[1..] are, whichever takes the fewest bytes,
//
//   kPlain   y[i]
//   kDelta   y[i] - y[i-1]
//   kDelta2  the change of that; first: signed varint(y[1])
//   kLine    y[i] minus a line: (i * slope) >> 16; first: signed varint(slope). For counters with a jitter: a delta
//            would add up the jitter of two
//
// If all residuals are equal: signed varint(it). Else in blocks of 64: width:1 signed varint(least), and each residual
// minus the least in `width` bits. A few that would make all others wider stand behind them, the width's top bit says
// so: count:1 (place:1 signed varint(residual))*. A column does not know its length; its reader does. Arithmetic is
// modulo 2^64, so any numbers come back, the bits of doubles too.
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
