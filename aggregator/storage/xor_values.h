// XorValues: doubles as the XOR of each with the one before, for values that are neither decimal nor near each other.
// The value half of xor_chunk.h as a column of its own:
//
//   varint(bytes) | stream: the first value, 64 bits; then
//     0                                            equal to the one before
//     10 | the window's bits                       the other bits lie within the window of the last such value
//     11 | 5 bits leading zeros, 6 bits length (0 is 64) | that many bits
//
// Bits are filled from the highest of each byte on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tidemark::storage {

void append_xor_values(std::span<const double> values, std::string& out);

// Any bytes may be given: what does not decode ends in ok() == false.
class XorValuesReader {
 public:
  XorValuesReader() = default;
  // REQUIRES: `bytes` outlives the reader. They begin with the column and may hold more.
  XorValuesReader(std::string_view bytes, size_t count);

  // Decodes the next values, as many as there are or as `out` has room for. 0 at the end and when the bytes are no
  // column.
  size_t next(std::span<double> out);

  bool ok() const { return ok_; }
  std::string_view rest() const { return rest_; }  // What follows the column.

 private:
  uint64_t peek() const;
  uint64_t read(unsigned bits);

  std::string_view rest_;
  const uint8_t* data_ = nullptr;
  size_t bits_ = 0;
  size_t at_ = 0;
  size_t left_ = 0;
  bool first_ = true;
  bool ok_ = true;
  uint64_t value_ = 0;
  unsigned length_ = 0;  // Of the window; 0: there is none yet.
  unsigned trailing_ = 0;
};

}  // namespace tidemark::storage
