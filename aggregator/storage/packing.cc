#include "aggregator/storage/packing.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstring>

#include "model/wide.h"

namespace tidemark::storage {
namespace {

static_assert(std::endian::native == std::endian::little, "words of bits are stored as they lie in memory");

constexpr uint8_t kPlains = 65;

struct Group {
  uint32_t limit;
  uint8_t group;
  uint8_t word_bits;
};

// Of all limits up to 2048 and all words up to 32 bits those that no other beats: a greater limit in no more bits.
constexpr Group kGroups[] = {
    {3, 17, 27},  {5, 3, 7},    {6, 5, 13},    {7, 11, 31},   {9, 5, 16},   {10, 3, 10},  {11, 2, 7},   {12, 5, 18},
    {13, 7, 26},  {14, 6, 23},  {17, 7, 29},   {18, 5, 21},   {19, 4, 17},  {20, 3, 13},  {21, 5, 22},  {22, 2, 9},
    {23, 7, 32},  {24, 5, 23},  {25, 3, 14},   {26, 4, 19},   {27, 5, 24},  {28, 6, 29},  {35, 6, 31},  {36, 5, 26},
    {38, 4, 21},  {40, 3, 16},  {42, 5, 27},   {45, 2, 11},   {48, 5, 28},  {50, 3, 17},  {53, 4, 23},  {55, 5, 29},
    {73, 5, 31},  {76, 4, 25},  {80, 3, 19},   {84, 5, 32},   {90, 2, 13},  {101, 3, 20}, {107, 4, 27}, {152, 4, 29},
    {161, 3, 22}, {181, 2, 15}, {203, 3, 23},  {215, 4, 31},  {322, 3, 25}, {362, 2, 17}, {406, 3, 26}, {645, 3, 28},
    {724, 2, 19}, {812, 3, 29}, {1290, 3, 31}, {1448, 2, 21}, {1625, 3, 32}};
static_assert(kPlains + std::size(kGroups) == kPackings);
constexpr uint32_t kLimitMax = 1625;

// What packing and unpacking need of a group, worked out once.
struct Radix {
  uint32_t limit = 0;
  uint32_t group = 0;
  uint32_t word_bits = 0;
  double inverse = 0;                          // 1 / limit^group.
  std::array<uint8_t, 17> left_bits = {};      // Of the last word, by how many numbers are in it.
  std::array<uint64_t, 17> left_inverse = {};  // 2^64 / limit^left, rounded up.
};

constexpr uint64_t inverse_of(uint64_t power) { return UINT64_MAX / power + 1; }

constexpr std::array<Radix, std::size(kGroups)> make_radixes() {
  std::array<Radix, std::size(kGroups)> out;
  for (size_t i = 0; i < out.size(); ++i) {
    out[i].limit = kGroups[i].limit;
    out[i].group = kGroups[i].group;
    out[i].word_bits = kGroups[i].word_bits;
    uint64_t power = 1;
    for (unsigned digits = 0; digits < kGroups[i].group; ++digits) {
      out[i].left_bits[digits] = static_cast<uint8_t>(std::bit_width(power - 1));
      out[i].left_inverse[digits] = inverse_of(power);
      power *= kGroups[i].limit;
    }
    out[i].inverse = 1 / static_cast<double>(power);
  }
  return out;
}
constexpr auto kRadixes = make_radixes();

// Digits come out right while limit^group < 2^32: errors of the fraction stay below one word's share.
constexpr bool groups_fit() {
  for (const Group& g : kGroups) {
    uint64_t power = 1;
    for (unsigned i = 0; i < g.group; ++i) power *= g.limit;
    if (power > (uint64_t{1} << g.word_bits) || g.word_bits > 32 || power > UINT32_MAX) return false;
  }
  return true;
}
static_assert(groups_fit());

constexpr size_t radix_bits(const Radix& radix, size_t count) {
  return count / radix.group * radix.word_bits + radix.left_bits[count % radix.group];
}

// The cheapest code by the number of different values.
constexpr std::array<uint8_t, kLimitMax + 1> make_codes() {
  std::array<uint8_t, kLimitMax + 1> out = {};
  for (uint32_t limit = 2; limit <= kLimitMax; ++limit) {
    out[limit] = static_cast<uint8_t>(std::bit_width(limit - 1));
    size_t best = out[limit] * kBlock;
    for (size_t i = 0; i < kRadixes.size(); ++i) {
      if (kRadixes[i].limit >= limit && radix_bits(kRadixes[i], kBlock) < best) {
        best = radix_bits(kRadixes[i], kBlock);
        out[limit] = static_cast<uint8_t>(kPlains + i);
      }
    }
  }
  return out;
}
constexpr auto kCodes = make_codes();

__extension__ using Product = unsigned __int128;

uint64_t load(const uint8_t* at) {
  uint64_t v = 0;
  std::memcpy(&v, at, sizeof v);
  return v;
}

// Plain numbers of `bits` each. Reads up to 8 bytes behind the last one.
void unpack_long(const uint8_t* at, size_t bit, unsigned bits, size_t count, uint64_t* numbers) {
  const uint64_t mask = bits == 64 ? UINT64_MAX : (uint64_t{1} << bits) - 1;
  for (size_t i = 0; i < count; ++i, bit += bits) {
    const unsigned offset = bit % 8;
    const uint64_t low = load(at + bit / 8) >> offset;
    const uint64_t high = uint64_t{at[bit / 8 + 8]} << 1 << (63 - offset);  // A number may reach into a ninth byte.
    numbers[i] = (low | high) & mask;
  }
}

// As above, `kAtOnce` of them out of each word. Writes as many as fill the last word. REQUIRES: kAtOnce * bits <= 57.
template <unsigned kAtOnce>
void unpack_short(const uint8_t* at, size_t bit, unsigned bits, size_t count, uint64_t* numbers) {
  const uint64_t mask = (uint64_t{1} << bits) - 1;
  for (size_t i = 0; i < count; i += kAtOnce, bit += kAtOnce * bits) {
    const uint64_t word = load(at + bit / 8) >> (bit % 8);
    for (unsigned j = 0; j < kAtOnce; ++j) numbers[i + j] = (word >> (j * bits)) & mask;
  }
}

// Writes up to three numbers more than `count`.
void unpack_plain(const uint8_t* at, size_t bit, unsigned bits, size_t count, uint64_t* numbers) {
  if (bits <= 14) return unpack_short<4>(at, bit, bits, count, numbers);
  if (bits <= 28) return unpack_short<2>(at, bit, bits, count, numbers);
  if (bits <= 57) return unpack_short<1>(at, bit, bits, count, numbers);
  unpack_long(at, bit, bits, count, numbers);
}

// Whole numbers up to 2^51 as doubles, and back, by their bits: without the conversions that older processors do only
// one at a time.
constexpr double kWhole = 0x1.8p52;  // Doubles of its size have no fraction.
constexpr auto kWholeBits = std::bit_cast<uint64_t>(kWhole);

// Digits by doubles: w + 1/2 over limit^group, times limit, has the first digit before the point and the rest, for the
// next, behind it. A rest is never nearer to a whole number than 1/2 over limit^(digits to come); an error begins at
// 2^-52 and grows by limit with each digit, below 2^32 in all, so that it stays far below that.
void unpack_radix(const Radix& radix, const uint8_t* at, size_t bit, size_t count, uint64_t* numbers) {
  const size_t words = count / radix.group;
  const size_t left = count % radix.group;
  const size_t padded = (words + 3) / 4 * 4;
  uint64_t word[kBlock + 4];
  for (size_t i = words; i < padded; ++i) word[i] = 0;
  unpack_plain(at, bit, radix.word_bits, words, word);
  double fractions[kBlock + 4];
  for (size_t i = 0; i < padded; ++i) {
    fractions[i] = (std::bit_cast<double>(word[i] + kWholeBits) - kWhole + 0.5) * radix.inverse;
  }
  const auto limit = static_cast<double>(radix.limit);
  uint64_t* out = numbers;
  for (size_t digit = 0; digit < radix.group; ++digit) {
    // What is too much of one row is written over by the next.
    const size_t width = digit + 1 < radix.group ? padded : words;
    for (size_t i = 0; i < width; ++i) {
      const double scaled = fractions[i] * limit;
      const double rounded = (scaled - 0.5) + kWhole;
      out[i] = std::bit_cast<uint64_t>(rounded) - kWholeBits;
      fractions[i] = scaled - (rounded - kWhole);
    }
    out += words;
  }
  if (left == 0) return;
  uint64_t last[4];
  unpack_plain(at, bit + words * radix.word_bits, radix.left_bits[left], 1, last);
  uint64_t fraction = last[0] * radix.left_inverse[left];
  for (size_t i = 0; i < left; ++i) {
    const Product product = static_cast<Product>(fraction) * radix.limit;
    out[i] = static_cast<uint64_t>(product >> 64);
    fraction = static_cast<uint64_t>(product);
  }
}

}  // namespace

uint8_t packing_for(uint64_t max) {
  return max < kLimitMax ? kCodes[max + 1] : static_cast<uint8_t>(std::bit_width(max));
}

uint64_t packing_max(uint8_t code) {
  if (code >= kPlains) return kRadixes[code - kPlains].limit - 1;
  return code == 64 ? UINT64_MAX : (uint64_t{1} << code) - 1;
}

size_t packed_bits(uint8_t code, size_t count) {
  return code < kPlains ? code * count : radix_bits(kRadixes[code - kPlains], count);
}

void BitWriter::put(uint64_t value, unsigned bits) {
  word_ |= value << filled_;
  filled_ += bits;
  if (filled_ < 64) return;
  out_.append(reinterpret_cast<const char*>(&word_), sizeof word_);
  filled_ -= 64;
  word_ = filled_ == 0 ? 0 : value >> (bits - filled_);
}

void BitWriter::finish() {
  out_.append(reinterpret_cast<const char*>(&word_), (filled_ + 7) / 8);
  word_ = 0;
  filled_ = 0;
}

void pack(uint8_t code, std::span<const uint64_t> numbers, BitWriter& out) {
  assert(numbers.size() <= kBlock);
  if (code < kPlains) {
    if (code == 0) return;
    for (const uint64_t number : numbers) out.put(number, code);
    return;
  }
  const Radix& radix = kRadixes[code - kPlains];
  const size_t words = numbers.size() / radix.group;
  for (size_t i = 0; i < words; ++i) {
    uint64_t word = 0;
    for (size_t digit = 0; digit < radix.group; ++digit) word = word * radix.limit + numbers[digit * words + i];
    out.put(word, radix.word_bits);
  }
  uint64_t word = 0;
  for (size_t i = words * radix.group; i < numbers.size(); ++i) word = word * radix.limit + numbers[i];
  out.put(word, radix.left_bits[numbers.size() % radix.group]);
}

[[gnu::flatten]] TM_WIDE void unpack(uint8_t code, std::string_view bytes, size_t bit, size_t count,
                                     uint64_t* numbers) {
  assert(code < kPackings && count <= kBlock && bit + packed_bits(code, count) <= bytes.size() * 8);
  if (code == 0) {
    std::fill_n(numbers, (count + kBlock - 1) / kBlock * kBlock, 0);
    return;
  }
  const auto* at = reinterpret_cast<const uint8_t*>(bytes.data());
  const size_t end = (bit + packed_bits(code, count) + 7) / 8;
  uint8_t copy[kBlock * 8 + 24];
  if (end + 9 > bytes.size()) {  // Whole words may reach behind the end.
    const size_t begin = bit / 8;
    std::memcpy(copy, at + begin, end - begin);
    std::memset(copy + (end - begin), 0, 9);
    at = copy;
    bit %= 8;
  }
  if (code < kPlains) return unpack_plain(at, bit, code, count, numbers);
  unpack_radix(kRadixes[code - kPlains], at, bit, count, numbers);
}

}  // namespace tidemark::storage
