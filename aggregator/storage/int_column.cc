#include "aggregator/storage/int_column.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "aggregator/storage/packed_ints.h"
#include "model/varint.h"

namespace tidemark::storage {
namespace {

constexpr char kZero = kPackings;
constexpr char kDivided = kPackings + 1;

uint64_t minus(int64_t a, int64_t b) { return static_cast<uint64_t>(a) - static_cast<uint64_t>(b); }

// Of all x[i] - x[0], as numbers with a sign; 0 when they are all equal, 1 also where they are too far apart to tell.
uint64_t common_divisor(std::span<const int64_t> x) {
  uint64_t divisor = 0;
  for (size_t i = 1; i < x.size() && divisor != 1; ++i) {
    const auto d = static_cast<int64_t>(minus(x[i], x[0]));
    if ((x[i] >= x[0]) != (d >= 0)) return 1;
    divisor = std::gcd(divisor, d < 0 ? minus(0, d) : static_cast<uint64_t>(d));
  }
  return divisor > INT64_MAX ? 1 : divisor;
}

}  // namespace

void append_ints(std::string& out, std::span<const int64_t> x) {
  if (std::all_of(x.begin(), x.end(), [](int64_t one) { return one == 0; })) {
    out += kZero;
    return;
  }
  const uint64_t divisor = common_divisor(x);
  if (divisor < 2) return append_packed_ints(x, out);
  std::vector<int64_t> y(x.size());
  for (size_t i = 0; i < x.size(); ++i) y[i] = static_cast<int64_t>(minus(x[i], x[0])) / static_cast<int64_t>(divisor);
  out += kDivided;
  append_varint(out, divisor);
  append_signed_varint(out, x[0]);
  append_packed_ints(y, out);
}

bool take_ints(std::string_view& in, std::span<int64_t> x) {
  if (in.empty()) return false;
  std::string_view rest = in;
  uint64_t divisor = 1;
  int64_t first = 0;
  if (in.front() == kZero) {
    std::fill(x.begin(), x.end(), 0);
    in.remove_prefix(1);
    return true;
  }
  if (in.front() == kDivided) {
    rest.remove_prefix(1);
    if (!take_varint(rest, divisor) || !take_signed_varint(rest, first)) return false;
  }
  IntReader reader(rest, x.size());
  int64_t block[kBlock];
  for (size_t at = 0; at < x.size();) {
    const size_t count = reader.next(block);
    if (count == 0) return false;
    for (size_t i = 0; i < count; ++i) {
      x[at + i] = static_cast<int64_t>(static_cast<uint64_t>(block[i]) * divisor + static_cast<uint64_t>(first));
    }
    at += count;
  }
  in = reader.rest();
  return true;
}

}  // namespace tidemark::storage
