#include "aggregator/storage/int_column.h"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>
#include <vector>

#include "model/varint.h"

namespace tidemark::storage {
namespace {

constexpr size_t kBlock = 64;
constexpr unsigned kSlopeBits = 16;
constexpr size_t kOutsiders = 2;  // On either side of a block.
constexpr uint8_t kHasExceptions = 0x80;

enum Order : uint8_t { kPlain = 0, kDelta = 1, kDelta2 = 2, kLine = 3 };
constexpr uint8_t kOrderMask = 3;
constexpr uint8_t kDivided = 4;
constexpr uint8_t kFlat = 8;
constexpr uint8_t kZero = 16;
constexpr uint8_t kConstant = 17;

int64_t sub(int64_t a, int64_t b) { return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b)); }
int64_t add(int64_t a, int64_t b) { return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b)); }
int64_t mul(int64_t a, int64_t b) { return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b)); }

int64_t on_line(int64_t slope, size_t i) { return mul(slope, static_cast<int64_t>(i)) >> kSlopeBits; }

size_t varint_bytes(int64_t v) { return (static_cast<size_t>(std::bit_width(zigzag(v) | 1)) + 6) / 7; }

// How a block is written: residuals from `least` on in `width` bits, and those outside by themselves.
struct Block {
  int64_t least = 0;
  int64_t most = 0;
  unsigned width = 0;
  size_t exceptions = 0;
  size_t bits = 0;  // What it takes.

  bool holds(int64_t r) const { return r >= least && r <= most; }
};

Block block_of(std::span<const int64_t> r) {
  // The smallest and the greatest few, in order from the outside.
  std::array<int64_t, kOutsiders + 1> low;
  std::array<int64_t, kOutsiders + 1> high;
  low.fill(INT64_MAX);
  high.fill(INT64_MIN);
  for (int64_t one : r) {
    int64_t other = one;
    for (size_t i = 0; i < low.size() && (one < low.back() || i > 0); ++i) {
      if (one < low[i]) std::swap(one, low[i]);
    }
    for (size_t i = 0; i < high.size() && (other > high.back() || i > 0); ++i) {
      if (other > high[i]) std::swap(other, high[i]);
    }
  }
  Block best;
  best.bits = SIZE_MAX;
  for (size_t below = 0; below <= kOutsiders && below < r.size(); ++below) {
    size_t outside_bits = 0;
    for (size_t i = 0; i < below; ++i) outside_bits += 8 + 8 * varint_bytes(low[i]);
    for (size_t above = 0; above <= kOutsiders && below + above < r.size(); ++above) {
      if (above > 0) outside_bits += 8 + 8 * varint_bytes(high[above - 1]);
      Block block{low[below], high[above], 0, below + above, 0};
      // Equal ones are on the same side of the border.
      if (block.least > block.most || (below > 0 && low[below - 1] == block.least) ||
          (above > 0 && high[above - 1] == block.most)) {
        continue;
      }
      block.width = static_cast<unsigned>(std::bit_width(static_cast<uint64_t>(sub(block.most, block.least))));
      block.bits = 8 + 8 * varint_bytes(block.least) + block.width * r.size() + outside_bits;
      if (block.exceptions > 0) block.bits += 8;
      if (block.bits < best.bits) best = block;
    }
  }
  return best;
}

// One way to write the numbers.
struct Residuals {
  Order order = kPlain;
  int64_t first = 0;
  std::vector<int64_t> r;

  bool flat() const {
    return std::all_of(r.begin(), r.end(), [this](int64_t one) { return one == r[0]; });
  }
  size_t bits() const {
    size_t bits = order >= kDelta2 ? 8 * varint_bytes(first) : 0;
    if (flat()) return bits + 8 * varint_bytes(r[0]);
    for (size_t at = 0; at < r.size(); at += kBlock) {
      const std::span<const int64_t> some(r.data() + at, std::min(kBlock, r.size() - at));
      bits += block_of(some).bits;
    }
    return bits;
  }
};

Residuals residuals(Order order, std::span<const int64_t> y) {
  Residuals out;
  out.order = order;
  out.r.reserve(y.size());
  if (order == kDelta2) out.first = sub(y[1], y[0]);
  if (order == kLine) {
    // A line that rises further than this would overflow; no line is as good then.
    constexpr int64_t kRiseMax = int64_t{1} << (62 - kSlopeBits);
    const int64_t rise = sub(y.back(), y.front());
    const bool fits = rise < kRiseMax && rise > -kRiseMax;
    out.first = fits ? mul(rise, 1 << kSlopeBits) / static_cast<int64_t>(y.size() - 1) : 0;
  }
  for (size_t i = 1; i < y.size(); ++i) {
    switch (order) {
      case kPlain:
        out.r.push_back(y[i]);
        break;
      case kDelta:
        out.r.push_back(sub(y[i], y[i - 1]));
        break;
      case kDelta2:
        out.r.push_back(i == 1 ? 0 : sub(sub(y[i], y[i - 1]), sub(y[i - 1], y[i - 2])));
        break;
      case kLine:
        out.r.push_back(sub(y[i], on_line(out.first, i)));
        break;
    }
  }
  return out;
}

// Greatest common divisor of all x[i] - x[0]; 0 when they are equal.
uint64_t divisor(std::span<const int64_t> x) {
  uint64_t g = 0;
  for (const int64_t one : x) {
    const int64_t d = sub(one, x[0]);
    if (d == INT64_MIN) return 1;
    g = std::gcd(g, static_cast<uint64_t>(d < 0 ? -d : d));
    if (g == 1) return 1;
  }
  return g;
}

void append_packed(std::string& out, std::span<const int64_t> r, const Block& block) {
  uint64_t word = 0;
  unsigned filled = 0;
  const auto flush = [&](unsigned bytes) {
    for (unsigned i = 0; i < bytes; ++i) out += static_cast<char>(static_cast<unsigned char>(word >> (8 * i)));
  };
  for (const int64_t one : r) {
    const auto v = static_cast<uint64_t>(block.holds(one) ? sub(one, block.least) : 0);
    word |= v << filled;
    if (filled + block.width >= 64) {
      flush(8);
      word = filled == 0 ? 0 : v >> (64 - filled);
      filled = filled + block.width - 64;
    } else {
      filled += block.width;
    }
  }
  flush((filled + 7) / 8);
}

bool take_packed(std::string_view& in, std::span<int64_t> r, int64_t least, unsigned width) {
  const size_t bytes = (r.size() * width + 7) / 8;
  if (bytes > in.size()) return false;
  const auto* data = reinterpret_cast<const unsigned char*>(in.data());
  const uint64_t mask = width == 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1;
  size_t bit = 0;
  for (int64_t& one : r) {
    uint64_t v = 0;
    // The bytes that hold its bits: at most nine.
    const size_t from = bit / 8;
    const unsigned shift = bit % 8;
    const size_t end = (bit + width + 7) / 8;
    for (size_t i = from; i < std::min(end, from + 8); ++i) v |= static_cast<uint64_t>(data[i]) << (8 * (i - from));
    v >>= shift;
    if (end > from + 8) v |= static_cast<uint64_t>(data[from + 8]) << (64 - shift);
    one = add(static_cast<int64_t>(v & mask), least);
    bit += width;
  }
  in.remove_prefix(bytes);
  return true;
}

bool take_block(std::string_view& in, std::span<int64_t> r) {
  if (in.empty()) return false;
  const auto head = static_cast<unsigned char>(in.front());
  in.remove_prefix(1);
  const unsigned width = head & ~kHasExceptions;
  int64_t least = 0;
  if (width > 64 || !take_signed_varint(in, least) || !take_packed(in, r, least, width)) return false;
  if ((head & kHasExceptions) == 0) return true;
  if (in.empty()) return false;
  const auto exceptions = static_cast<unsigned char>(in.front());
  in.remove_prefix(1);
  for (unsigned i = 0; i < exceptions; ++i) {
    if (in.empty()) return false;
    const auto at = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    if (at >= r.size() || !take_signed_varint(in, r[at])) return false;
  }
  return true;
}

bool take_residuals(std::string_view& in, bool flat, std::span<int64_t> r) {
  if (flat) {
    int64_t v = 0;
    if (!take_signed_varint(in, v)) return false;
    std::fill(r.begin(), r.end(), v);
    return true;
  }
  for (size_t at = 0; at < r.size(); at += kBlock) {
    if (!take_block(in, r.subspan(at, std::min(kBlock, r.size() - at)))) return false;
  }
  return true;
}

}  // namespace

void append_ints(std::string& out, std::span<const int64_t> x) {
  const uint64_t g = divisor(x);
  if (g == 0) {
    out += static_cast<char>(x[0] == 0 ? kZero : kConstant);
    if (x[0] != 0) append_signed_varint(out, x[0]);
    return;
  }
  std::vector<int64_t> y(x.size());
  for (size_t i = 0; i < x.size(); ++i) y[i] = sub(x[i], x[0]) / static_cast<int64_t>(g);
  Residuals best = residuals(kPlain, y);
  size_t best_bits = best.bits();
  for (const Order order : {kDelta, kDelta2, kLine}) {
    Residuals other = residuals(order, y);
    if (const size_t bits = other.bits(); bits < best_bits) {
      best = std::move(other);
      best_bits = bits;
    }
  }
  const bool flat = best.flat();
  out += static_cast<char>(best.order | (g > 1 ? kDivided : 0) | (flat ? kFlat : 0));
  append_signed_varint(out, x[0]);
  if (g > 1) append_varint(out, g);
  if (best.order >= kDelta2) append_signed_varint(out, best.first);
  if (flat) {
    append_signed_varint(out, best.r[0]);
    return;
  }
  for (size_t at = 0; at < best.r.size(); at += kBlock) {
    const std::span<const int64_t> some(best.r.data() + at, std::min(kBlock, best.r.size() - at));
    const Block block = block_of(some);
    out += static_cast<char>(block.width | (block.exceptions > 0 ? kHasExceptions : 0));
    append_signed_varint(out, block.least);
    append_packed(out, some, block);
    if (block.exceptions == 0) continue;
    out += static_cast<char>(block.exceptions);
    for (size_t i = 0; i < some.size(); ++i) {
      if (block.holds(some[i])) continue;
      out += static_cast<char>(i);
      append_signed_varint(out, some[i]);
    }
  }
}

bool take_ints(std::string_view& in, std::span<int64_t> x) {
  if (in.empty() || x.empty()) return false;
  const auto kind = static_cast<uint8_t>(in.front());
  in.remove_prefix(1);
  int64_t x0 = 0;
  if (kind != kZero && !take_signed_varint(in, x0)) return false;
  if (kind == kZero || kind == kConstant) {
    std::fill(x.begin(), x.end(), x0);
    return true;
  }
  if ((kind & ~(kOrderMask | kDivided | kFlat)) != 0) return false;
  uint64_t g = 1;
  if ((kind & kDivided) != 0 && !take_varint(in, g)) return false;
  const auto order = static_cast<Order>(kind & kOrderMask);
  int64_t first = 0;
  if (order >= kDelta2 && !take_signed_varint(in, first)) return false;
  x[0] = 0;
  const std::span<int64_t> y = x.subspan(1);
  if (!take_residuals(in, (kind & kFlat) != 0, y)) return false;
  int64_t before = 0;
  int64_t step = first;
  for (size_t i = 0; i < y.size(); ++i) {
    switch (order) {
      case kPlain:
        break;
      case kDelta:
        y[i] = before = add(before, y[i]);
        break;
      case kDelta2:
        step = add(step, y[i]);
        y[i] = before = add(before, step);
        break;
      case kLine:
        y[i] = add(y[i], on_line(first, i + 1));
        break;
    }
  }
  for (int64_t& one : x) one = add(x0, mul(one, static_cast<int64_t>(g)));
  return true;
}

}  // namespace tidemark::storage
