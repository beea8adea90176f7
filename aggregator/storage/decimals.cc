#include "aggregator/storage/decimals.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <numeric>
#include <optional>

#include "model/sample.h"
#include "model/varint.h"
#include "model/wide.h"

namespace tidemark::storage {
namespace {

constexpr double kPowers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
static_assert(std::size(kPowers) == kExponentMax + 1);

// A double of magnitude below 2^51 added to this has its integer, rounded, in the low bits: conversion both ways
// without an instruction for it, which SSE2 lacks for 64 bits.
constexpr double kMagic = 0x1.8p52;
constexpr uint64_t kMagicBits = std::bit_cast<uint64_t>(kMagic);

bool in_range(double with_magic) { return std::bit_cast<uint64_t>(with_magic) >> 52 == kMagicBits >> 52; }

enum Kind : unsigned { kUp = 0, kDown, kStale, kNan, kInfinity, kMinusInfinity, kMinusZero, kAny };

struct Special {
  Kind kind;
  uint64_t bits;
};
constexpr Special kSpecials[] = {{kStale, 0x7ff0000000000002},
                                 {kNan, 0x7ff8000000000001},
                                 {kInfinity, 0x7ff0000000000000},
                                 {kMinusInfinity, 0xfff0000000000000},
                                 {kMinusZero, 0x8000000000000000}};

bool exact(double v, unsigned exponent) {
  const double m = v * kPowers[exponent] + kMagic;
  return in_range(m) && std::bit_cast<uint64_t>((m - kMagic) / kPowers[exponent]) == std::bit_cast<uint64_t>(v);
}

// Exact but for the last bit: what arithmetic on decimals leaves. Only with few digits: with many, anything is near.
bool near(double v, unsigned exponent) {
  const double m = v * kPowers[exponent] + kMagic;
  if (!(std::abs(m - kMagic) < 0x1p44)) return false;
  const auto back = std::bit_cast<uint64_t>((m - kMagic) / kPowers[exponent]);
  return back - std::bit_cast<uint64_t>(v) + 1 <= 2;
}

// The least exponent from `from` on that gives all but `odd_max` of the values back.
std::optional<unsigned> guess_exponent(std::span<const double> values, bool (&fits)(double, unsigned)) {
  constexpr size_t kLooks = 8;
  double looks[kLooks];
  size_t count = 0;
  const size_t stride = std::max<size_t>(1, values.size() / kLooks);
  for (size_t i = stride / 2; i < values.size() && count < kLooks; i += stride) {
    if (std::isfinite(values[i]) && std::bit_cast<uint64_t>(values[i]) != kSpecials[4].bits) looks[count++] = values[i];
  }
  if (count == 0) return std::nullopt;
  for (unsigned exponent = 0; exponent <= kExponentMax; ++exponent) {
    size_t odd = 0;
    for (size_t i = 0; i < count && odd <= count / 4; ++i) odd += fits(looks[i], exponent) ? 0 : 1;
    if (odd <= count / 4) return exponent;
  }
  return std::nullopt;
}

// values * 10^exponent as integers; appends the places where that is not exact.
void scale_up(std::span<const double> values, unsigned exponent, std::vector<int64_t>& numbers,
              std::vector<uint32_t>& odd) {
  const double power = kPowers[exponent];
  numbers.resize((values.size() + kBlock - 1) / kBlock * kBlock);
  odd.clear();
  double tail[kBlock] = {};
  for (size_t begin = 0; begin < values.size(); begin += kBlock) {
    const size_t count = std::min(kBlock, values.size() - begin);
    const double* v = values.data() + begin;
    if (count < kBlock) {
      std::copy_n(v, count, tail);
      v = tail;
    }
    int64_t* const x = numbers.data() + begin;
    uint64_t wrong[kBlock];
    uint64_t any = 0;
    for (size_t i = 0; i < kBlock; ++i) {
      const double m = v[i] * power + kMagic;
      const auto bits = std::bit_cast<uint64_t>(m);
      x[i] = static_cast<int64_t>(bits - kMagicBits);
      wrong[i] =
          (std::bit_cast<uint64_t>((m - kMagic) / power) ^ std::bit_cast<uint64_t>(v[i])) | ((bits ^ kMagicBits) >> 52);
    }
    for (size_t i = 0; i < kBlock; ++i) any |= wrong[i];
    if (any == 0) continue;
    for (size_t i = 0; i < count; ++i) {
      if (wrong[i] != 0) odd.push_back(static_cast<uint32_t>(begin + i));
    }
  }
  numbers.resize(values.size());
}

// Bits an exception takes, about.
size_t exception_bits(double v, unsigned exponent) {
  const auto bits = std::bit_cast<uint64_t>(v);
  const bool special = std::any_of(std::begin(kSpecials), std::end(kSpecials), [&](auto& s) { return s.bits == bits; });
  return special || near(v, exponent) ? 12 : 76;
}

// Whether, and to what, the exponent should be raised for the sake of the exceptions.
std::optional<unsigned> better_exponent(std::span<const double> values, std::span<const uint32_t> odd,
                                        unsigned exponent) {
  for (unsigned higher = exponent + 1; higher <= kExponentMax; ++higher) {
    size_t saved = 0;
    const size_t stride = std::max<size_t>(1, odd.size() / 8);
    size_t looked = 0;
    for (size_t i = 0; i < odd.size(); i += stride, ++looked) {
      if (exact(values[odd[i]], higher)) saved += exception_bits(values[odd[i]], exponent);
    }
    saved = saved * odd.size() / looked;
    // A digit more of each value is 3.3 bits of its number.
    if (saved * 10 > values.size() * (higher - exponent) * 33) return higher;
  }
  return std::nullopt;
}

// In the place of exceptions that say all by themselves: between the neighbours.
void fill_gaps(std::span<const uint32_t> gaps, std::vector<int64_t>& numbers) {
  for (size_t g = 0; g < gaps.size();) {
    size_t end = g + 1;
    while (end < gaps.size() && gaps[end] == gaps[end - 1] + 1) ++end;
    const size_t first = gaps[g];
    const size_t last = gaps[end - 1];
    const bool before = first > 0;
    const bool after = last + 1 < numbers.size();
    const int64_t left = before ? numbers[first - 1] : after ? numbers[last + 1] : 0;
    const int64_t right = after ? numbers[last + 1] : left;
    const auto length = static_cast<int64_t>(end - g + 1);
    for (size_t i = g; i < end; ++i) {
      numbers[gaps[i]] = left + (right - left) / length * static_cast<int64_t>(i - g + 1);
    }
    g = end;
  }
}

// Writes the exceptions; `gaps` gets those whose number counts for nothing.
std::string list_exceptions(std::span<const double> values, unsigned exponent, std::span<const uint32_t> odd,
                            std::span<const int64_t> numbers, std::vector<uint32_t>& gaps) {
  std::string out;
  size_t from = 0;
  for (const uint32_t at : odd) {
    const auto bits = std::bit_cast<uint64_t>(values[at]);
    Kind kind = kAny;
    if (near(values[at], exponent)) {
      const double back = static_cast<double>(numbers[at]) / kPowers[exponent];
      kind = bits > std::bit_cast<uint64_t>(back) ? kUp : kDown;
    } else {
      gaps.push_back(at);
      for (const Special& special : kSpecials) {
        if (special.bits == bits) kind = special.kind;
      }
    }
    append_varint(out, (at - from) << 3 | kind);
    if (kind == kAny) out.append(reinterpret_cast<const char*>(&bits), sizeof bits);
    from = at + 1;
  }
  return out;
}

// Takes a divisor common to the differences of all numbers out of them.
void divide(Decimals& out) {
  std::vector<int64_t>& x = out.numbers;
  const int64_t first = x[0];
  uint64_t divisor = 0;
  const size_t stride = std::max<size_t>(1, x.size() / 8);
  for (size_t i = stride - 1; i < x.size() && divisor != 1; i += stride) {
    divisor = std::gcd(divisor, static_cast<uint64_t>(std::abs(x[i] - first)));
  }
  double inverse = divisor == 0 ? 0 : 1 / static_cast<double>(divisor);
  for (size_t i = 0; i < x.size() && divisor != 1; ++i) {
    const auto d = static_cast<uint64_t>(std::abs(x[i] - first));
    // Multiplied rather than divided: d is below 2^53, and only a whole quotient gives d back.
    const uint64_t quotient = std::bit_cast<uint64_t>(static_cast<double>(d) * inverse + kMagic) - kMagicBits;
    if (quotient * divisor == d) continue;
    divisor = std::gcd(divisor, d);
    inverse = 1 / static_cast<double>(divisor);
  }
  if (divisor < 2) return;
  const auto by = static_cast<int64_t>(divisor);
  const int64_t remainder = (first % by + by) % by;
  // Exact, and quicker than a division of integers.
  for (int64_t& number : x) {
    number = static_cast<int64_t>(static_cast<double>(number - remainder) / static_cast<double>(by));
  }
  out.scale.divisor = divisor;
  out.scale.remainder = static_cast<uint64_t>(remainder);
}

}  // namespace

bool to_decimals(std::span<const double> values, Decimals& out) {
  auto exponent = guess_exponent(values, exact);
  if (!exponent) exponent = guess_exponent(values, near);
  if (!exponent) return false;
  std::vector<uint32_t> odd;
  for (;;) {
    scale_up(values, *exponent, out.numbers, odd);
    if (odd.empty()) break;
    const auto higher = better_exponent(values, odd, *exponent);
    if (!higher) break;
    exponent = higher;
  }
  std::vector<uint32_t> gaps;
  out.exceptions = list_exceptions(values, *exponent, odd, out.numbers, gaps);
  if (gaps.size() * 2 > values.size()) return false;
  fill_gaps(gaps, out.numbers);
  out.scale = {*exponent, 1, 0};
  divide(out);
  return true;
}

TM_WIDE void from_decimals(const DecimalScale& scale, const int64_t* numbers, double* values) {
  const auto divisor = static_cast<double>(scale.divisor);
  const auto remainder = static_cast<double>(scale.remainder);
  const double power = kPowers[scale.exponent];
  double x[kBlock];
  for (size_t i = 0; i < kBlock; ++i) {
    x[i] = std::bit_cast<double>(static_cast<uint64_t>(numbers[i]) + kMagicBits) - kMagic;
  }
  if (scale.divisor != 1) {
    for (size_t i = 0; i < kBlock; ++i) x[i] = x[i] * divisor + remainder;
  }
  if (scale.exponent == 0) {
    std::copy_n(x, kBlock, values);
  } else {
    for (size_t i = 0; i < kBlock; ++i) values[i] = x[i] / power;
  }
}

void ExceptionReader::skip(size_t end) {
  while (at_ < end) {
    ++at_;
    advance();
  }
}

// On from at_, the first place the next exception may be at.
void ExceptionReader::advance() {
  if (at_ == SIZE_MAX) return;
  if (bytes_.empty()) {
    at_ = SIZE_MAX;
    return;
  }
  uint64_t head = 0;
  if (!take_varint(bytes_, head) || (head >> 3) > UINT32_MAX || ((head & 7) == kAny && bytes_.size() < 8)) {
    ok_ = false;
    at_ = SIZE_MAX;
    return;
  }
  at_ += head >> 3;
  kind_ = head & 7;
  if (kind_ == kAny) {
    std::memcpy(&bits_, bytes_.data(), 8);
    bytes_.remove_prefix(8);
  }
}

void ExceptionReader::put(double& value) const {
  static_assert(kSpecials[0].kind == kStale && kSpecials[4].kind == kMinusZero);
  uint64_t bits = bits_;
  if (kind_ == kUp) bits = std::bit_cast<uint64_t>(value) + 1;
  if (kind_ == kDown) bits = std::bit_cast<uint64_t>(value) - 1;
  if (kind_ >= kStale && kind_ <= kMinusZero) bits = kSpecials[kind_ - kStale].bits;
  value = std::bit_cast<double>(bits);
}

}  // namespace tidemark::storage
