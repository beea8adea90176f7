// Packing: up to 64 numbers, each below a limit, in as few bits as can be unpacked at the speed of memory.
//
// Plain packings give each number the same whole number of bits. Where the limit is not a power of two that wastes up
// to one bit a number (17 values need 4.09 bits, not 5), so for small limits several numbers share a word: the digits
// of one number to the base `limit`. Digits come out by multiplication, not by division: the word as a fraction of
// limit^group, times limit, is the next digit and the fraction that is left (the idea is in Lemire, Kaser, Kurz,
// "Faster remainder by direct computation", 2019).
//
// A packing is known by its code, which is stored: never renumber, never change the table.
//
//   code 0 .. 64     plain, so many bits a number
//   code 65 .. 117   `group` numbers in each word of `word_bits` bits, the last word holding what is left over, in as
//                    many bits as limit^left needs. Number i is digit i / words of word i % words, highest digit first.
//
// Bits are filled from the lowest of each byte on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tidemark::storage {

// Numbers are packed in blocks of so many, the last of a run of blocks may be shorter.
inline constexpr size_t kBlock = 64;

inline constexpr uint8_t kPackings = 118;

// The packing with the fewest bits a block that holds 0 .. max.
uint8_t packing_for(uint64_t max);

// The greatest number the packing holds. REQUIRES: code < kPackings, as everywhere here.
uint64_t packing_max(uint8_t code);

// Bits of a block of `count` numbers. REQUIRES: count <= kBlock.
size_t packed_bits(uint8_t code, size_t count);

// Writes bits behind what is in a string.
class BitWriter {
 public:
  explicit BitWriter(std::string& out) : out_(out) {}
  // REQUIRES: bits <= 64, value < 2^bits.
  void put(uint64_t value, unsigned bits);
  // Fills up the last byte. To be called once, at the end.
  void finish();

 private:
  std::string& out_;
  uint64_t word_ = 0;
  unsigned filled_ = 0;  // Below 64.
};

// Appends one block. REQUIRES: numbers.size() <= kBlock, none above packing_max().
void pack(uint8_t code, std::span<const uint64_t> numbers, BitWriter& out);

// Reads the block of `count` numbers that begins `bit` bits into `bytes`. Writes kBlock numbers, those behind `count`
// of no meaning. Whatever the bytes are, nothing outside them is read. REQUIRES: bit + packed_bits(code, count) <=
// bytes.size() * 8.
void unpack(uint8_t code, std::string_view bytes, size_t bit, size_t count, uint64_t* numbers);

}  // namespace tidemark::storage
