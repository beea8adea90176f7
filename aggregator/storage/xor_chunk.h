// XOR codec: samples as a bit stream that can be appended to, after "Gorilla: A Fast, Scalable, In-Memory Time Series
// Database" (Pelkonen et al., VLDB 2015), for timestamps in milliseconds. Bit-exact for every double.
//
// The first timestamp stands beside the stream. Then, for each sample:
//   timestamp  (not for the first) the change of the step since the last sample:
//                0                      none
//                10    14 bits          -8191 ..    8192
//                110   17 bits         -65535 ..   65536
//                1110  20 bits        -524287 ..  524288
//                1111  64 bits          any
//   value      the first as 64 bits; then its XOR with the one before:
//                0                      equal
//                10    the window's bits         the other bits lie within the window of the last such sample
//                11    5 bits leading zeros, 6 bits length (0 is 64), that many bits
//
// A steady scrape of an unchanged value costs two bits. No RocksDB here and no allocation: bytes and spans.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace tidemark::storage {

// What appending needs to know of the samples before.
struct XorState {
  int64_t t_ms = 0;        // Of the last sample.
  uint64_t v_bits = 0;     // Of the last value.
  int64_t step_ms = 0;     // Between the last two.
  uint32_t bit_count = 0;  // Length of the stream.
  uint16_t count = 0;      // Samples in it.
  uint8_t leading = 64;    // The window; 64: there is none yet.
  uint8_t trailing = 0;

  size_t byte_count() const { return (bit_count + 7) / 8; }
};

// Bytes that must be free behind byte_count() for one more sample. A sample takes at most 145 bits; writes are whole
// 64-bit words.
inline constexpr size_t kXorSlackBytes = 32;

// Appends to the stream in `bytes`, which must be zero from the stream's end on. REQUIRES: kXorSlackBytes are free.
void xor_append(XorState& state, uint8_t* bytes, int64_t t_ms, double v);

// Reads a stream, oldest first. Any bytes may be given: what does not decode ends in ok() == false.
class XorDecoder {
 public:
  XorDecoder() = default;
  // REQUIRES: `bytes` outlives the decoder.
  XorDecoder(std::string_view bytes, int64_t first_ms, uint32_t count)
      : data_(reinterpret_cast<const uint8_t*>(bytes.data())),
        bits_(bytes.size() * 8),
        t_ms_(first_ms),
        left_(count),
        count_(count) {}

  // Decodes into the columns; returns how many. 0 at the end, and when the bytes are no stream.
  size_t next(std::span<int64_t> t_ms, std::span<double> v);

  // False for good once the stream was cut off, had bytes too many, or times that do not rise.
  bool ok() const { return ok_; }

 private:
  static constexpr unsigned kPeekBits = 56;  // Of which one may have been the step's.

  uint64_t peek(size_t at) const;
  uint64_t read(unsigned bits);  // At most 64. Zero beyond the end, and ok_ becomes false.
  int64_t read_step_change();
  bool read_sample();  // False when there is none, or no more bits.
  size_t read_simple(int64_t* t_ms, double* v, size_t wanted);

  const uint8_t* data_ = nullptr;
  size_t bits_ = 0;
  size_t at_ = 0;
  int64_t t_ms_ = 0;
  int64_t step_ms_ = 0;
  uint64_t v_bits_ = 0;
  uint32_t left_ = 0;
  uint32_t count_ = 0;
  unsigned leading_ = 64;
  unsigned trailing_ = 0;
  bool ok_ = true;
};

}  // namespace tidemark::storage
