// A column of values: any doubles, bit by bit, in whatever is smallest.
//
//   coder + 0x20 if divided + 0x40 if there are exceptions (1) | what the coder has
//
//   coder 0 .. 15   decimals with that exponent (decimals.h):
//                   [varint(divisor) | varint(remainder)] | [varint(bytes) | exceptions] | ints (packed_ints.h)
//   coder 30        the bits as integers in the order of the doubles, of which the lowest `shift` are zero in all
//   values:
//                   [varint(shift)] | ints. For floats that lie near each other.
//   coder 31        XOR with the value before (xor_values.h). For the rest.
//
// The number of values is not stored. Any length; blocks of 64 are what is coded and decoded at a time.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "aggregator/storage/decimals.h"
#include "aggregator/storage/packed_ints.h"
#include "aggregator/storage/xor_values.h"

namespace tidemark::storage {

void append_values(std::span<const double> values, std::string& out);

// Takes a column of values.size() values off the front of `in`. False, and `in` unchanged, when it is none: any bytes
// may be given. Values may have been written by then.
bool take_values(std::string_view& in, std::span<double> values);

// Reads a column, block by block. Any bytes may be given: what does not decode ends in ok() == false.
class ValueReader {
 public:
  ValueReader() = default;
  // REQUIRES: `bytes` outlives the reader. They begin with the column and may hold more.
  ValueReader(std::string_view bytes, size_t count);

  // Decodes the next block, kBlock values but for the last one, and returns how many; those behind have no meaning. 0
  // at the end and when the bytes are no column. REQUIRES: room for kBlock values.
  size_t next(double* values);

  // The same without the values, which for most columns is much faster.
  size_t skip();

  bool ok() const { return ok_ && ints_.ok() && exceptions_.ok() && xors_.ok(); }
  // At the end: what follows the column.
  std::string_view rest() const { return coder_ == Coder::kXor ? xors_.rest() : ints_.rest(); }

 private:
  enum class Coder : uint8_t { kDecimals, kBits, kXor };

  bool begin(std::string_view bytes, size_t count);

  Coder coder_ = Coder::kDecimals;
  bool ok_ = true;
  bool any_exceptions_ = false;
  uint8_t shift_ = 0;
  DecimalScale scale_;
  size_t at_ = 0;
  IntReader ints_;
  ExceptionReader exceptions_;
  XorValuesReader xors_;
};

}  // namespace tidemark::storage
