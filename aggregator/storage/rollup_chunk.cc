#include "aggregator/storage/rollup_chunk.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "aggregator/storage/chunk.h"
#include "aggregator/storage/int_column.h"
#include "model/varint.h"

namespace tidemark::storage {
namespace {

constexpr uint8_t kFormat1 = 1;
constexpr uint8_t kBits = 255;
constexpr int kScaleMax = 15;
// Decimals that went through arithmetic (7 * 0.01) are next to the double that is meant. With more digits than these,
// anything would be next to a decimal.
constexpr int kInexactScaleMax = 6;
constexpr int64_t kUlpsMax = 4;
constexpr uint8_t kExtremesFirst = 1;
constexpr unsigned kPredictionShift = 1;
constexpr uint8_t kPredictionMask = 3;
constexpr uint8_t kInexact = 8;
enum Prediction : uint8_t { kNone = 0, kFromEnds = 1, kFromExtremes = 2 };

constexpr std::array<double, kScaleMax + 1> kPowers = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                       1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
constexpr double kExactMax = 9007199254740992;  // 2^53: whole numbers up to here are doubles.
constexpr double kSumMax = 4e18;                // Below 2^62.

using Column = std::vector<int64_t>;

int64_t sub(int64_t a, int64_t b) { return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b)); }
int64_t add(int64_t a, int64_t b) { return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b)); }
int64_t mul(int64_t a, int64_t b) { return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b)); }

// The values as whole numbers.
struct Numbers {
  Column first, last, min, max, sum, resets_sum;

  explicit Numbers(size_t n) : first(n), last(n), min(n), max(n), sum(n), resets_sum(n) {}
};

int64_t to_number(double v, uint8_t scale) {
  if (scale == kBits) return std::bit_cast<int64_t>(v);
  return static_cast<int64_t>(std::nearbyint(v * kPowers[scale]));
}

double to_value(int64_t m, uint8_t scale) {
  if (scale == kBits) return std::bit_cast<double>(m);
  return static_cast<double>(m) / kPowers[scale];
}

// How many doubles lie between the value and its decimal. REQUIRES: |v| * 10^scale <= 2^53.
int64_t ulps(double v, uint8_t scale) {
  return sub(std::bit_cast<int64_t>(v), std::bit_cast<int64_t>(to_value(to_number(v, scale), scale)));
}

double moved(double v, int64_t by_ulps) { return std::bit_cast<double>(add(std::bit_cast<int64_t>(v), by_ulps)); }

bool fits(double v, uint8_t scale, int64_t ulps_max) {
  if (!(std::fabs(v * kPowers[scale]) <= kExactMax)) return false;
  const int64_t off = ulps(v, scale);
  return off <= ulps_max && off >= -ulps_max;
}

bool fits(const Bucket& b, uint8_t scale, int64_t ulps_max) {
  if (b.count == 0) return true;
  for (const double v : {b.first, b.last, b.min, b.max}) {
    if (!fits(v, scale, ulps_max)) return false;
  }
  // Samples between may have more decimals than these four. A sum of decimals is next to one, by some rounding for
  // each.
  const double ulp = std::max(std::fabs(b.min), std::fabs(b.max)) * std::numeric_limits<double>::epsilon();
  const double off_max = static_cast<double>(b.count * (4 + ulps_max)) * ulp;
  for (const double sum : {b.sum, b.resets_sum}) {
    if (!(std::fabs(sum * kPowers[scale]) < kSumMax)) return false;
    if (!(std::fabs(sum - to_value(to_number(sum, scale), scale)) <= off_max)) return false;
  }
  return true;
}

// The least scale at which all values are decimals. kBits when there is none, as for NaN and -0.
uint8_t find_scale(std::span<const Bucket> buckets, uint8_t scale_max, int64_t ulps_max) {
  uint8_t scale = 0;
  size_t fitting = 0;  // In a row; one that fits a scale may be too large for a greater one.
  for (size_t i = 0; fitting < buckets.size(); i = (i + 1) % buckets.size()) {
    if (fits(buckets[i], scale, ulps_max)) {
      ++fitting;
    } else {
      fitting = 0;
      while (!fits(buckets[i], scale, ulps_max)) {
        if (++scale > scale_max) return kBits;
      }
      fitting = 1;
    }
  }
  return scale;
}

// What a bucket's sum probably is. Modulo 2^64, as its difference from the sum will be.
int64_t predict_sum(Prediction prediction, const Bucket& b, const Numbers& x, size_t i) {
  if (prediction == kFromEnds) return mul(add(x.first[i], x.last[i]), b.count) / 2;
  if (prediction == kFromExtremes) return mul(add(x.min[i], x.max[i]), b.count) / 2;
  return 0;
}

// What stands before the falls: as many average values as there are falls.
int64_t predict_resets(const Bucket& b, const Numbers& x, size_t i) {
  return b.count == 0 ? 0 : mul(x.sum[i] / b.count, b.resets);
}

std::string column_bytes(const Column& column) {
  std::string out;
  append_ints(out, column);
  return out;
}

std::string value_columns(const Numbers& x, bool extremes_first) {
  const size_t n = x.last.size();
  std::array<Column, 4> columns;
  for (Column& column : columns) column.resize(n);
  for (size_t i = 0; i < n; ++i) {
    if (extremes_first) {
      columns[0][i] = x.min[i];
      columns[1][i] = sub(x.max[i], x.min[i]);
      columns[2][i] = sub(x.first[i], x.min[i]);
      columns[3][i] = sub(x.last[i], x.min[i]);
    } else {
      columns[0][i] = x.last[i];
      columns[1][i] = sub(x.last[i], x.first[i]);
      columns[2][i] = sub(std::min(x.first[i], x.last[i]), x.min[i]);
      columns[3][i] = sub(x.max[i], std::max(x.first[i], x.last[i]));
    }
  }
  std::string out;
  for (const Column& column : columns) append_ints(out, column);
  return out;
}

std::string sum_column(std::span<const Bucket> buckets, const Numbers& x, Prediction prediction) {
  Column rest(buckets.size());
  for (size_t i = 0; i < rest.size(); ++i) rest[i] = sub(x.sum[i], predict_sum(prediction, buckets[i], x, i));
  return column_bytes(rest);
}

template <class F>
std::string column_of(std::span<const Bucket> buckets, F f) {
  Column column;
  column.reserve(buckets.size());
  for (const Bucket& b : buckets) column.push_back(f(b));
  return column_bytes(column);
}

void keep_shorter(std::string& best, uint8_t& shape, std::string other, uint8_t other_shape) {
  if (other.size() >= best.size()) return;
  best = std::move(other);
  shape = other_shape;
}

bool take_values(std::string_view& in, uint8_t shape, Numbers& x) {
  std::array<Column, 4> columns;
  for (Column& column : columns) {
    column.resize(x.last.size());
    if (!take_ints(in, column)) return false;
  }
  for (size_t i = 0; i < x.last.size(); ++i) {
    if ((shape & kExtremesFirst) != 0) {
      x.min[i] = columns[0][i];
      x.max[i] = add(columns[1][i], x.min[i]);
      x.first[i] = add(columns[2][i], x.min[i]);
      x.last[i] = add(columns[3][i], x.min[i]);
    } else {
      x.last[i] = columns[0][i];
      x.first[i] = sub(x.last[i], columns[1][i]);
      x.min[i] = sub(std::min(x.first[i], x.last[i]), columns[2][i]);
      x.max[i] = add(std::max(x.first[i], x.last[i]), columns[3][i]);
    }
  }
  return true;
}

// Times and counts. False when they make no buckets.
bool take_frame(std::string_view& in, std::vector<Bucket>& buckets) {
  const size_t n = buckets.size();
  Column last(n), length(n), stale(n), count(n), resets(n);
  for (Column* column : {&last, &length, &stale, &count, &resets}) {
    if (!take_ints(in, *column)) return false;
  }
  constexpr int64_t kLongest = 86'400'000;
  for (size_t i = 0; i < n; ++i) {
    if (last[i] < kOldestTimestampMs || last[i] > kNewestTimestampMs || (i > 0 && last[i] <= last[i - 1])) return false;
    if (length[i] < 0 || length[i] > kLongest || stale[i] < 0 || stale[i] > kLongest) return false;
    if (count[i] < 0 || count[i] > kLongest || resets[i] < 0 || resets[i] > count[i]) return false;
    Bucket& b = buckets[i];
    b.last_ms = last[i];
    b.first_ms = last[i] - length[i];
    b.stale_ms = stale[i] == 0 ? 0 : last[i] + stale[i] - 1;
    b.count = count[i];
    b.resets = resets[i];
  }
  return true;
}

}  // namespace

std::string encode_rollup(std::span<const Bucket> buckets) {
  uint8_t scale = find_scale(buckets, kScaleMax, 0);
  const bool exact = scale != kBits;
  if (!exact) scale = find_scale(buckets, kInexactScaleMax, kUlpsMax);
  Numbers x(buckets.size());
  for (size_t i = 0; i < buckets.size(); ++i) {
    const Bucket& b = buckets[i];
    // One without samples costs least when it repeats the one before.
    const int64_t before = i == 0 ? 0 : x.last[i - 1];
    const auto number = [&](double v) { return b.count == 0 ? before : to_number(v, scale); };
    x.first[i] = number(b.first);
    x.last[i] = number(b.last);
    x.min[i] = number(b.min);
    x.max[i] = number(b.max);
    x.sum[i] = to_number(b.sum, scale);
    x.resets_sum[i] = to_number(b.resets_sum, scale);
  }
  uint8_t shape = 0;
  std::string values = value_columns(x, false);
  keep_shorter(values, shape, value_columns(x, true), kExtremesFirst);
  std::string sums = sum_column(buckets, x, kNone);
  Column resets = x.resets_sum;
  if (scale != kBits) {
    uint8_t prediction = kNone;
    keep_shorter(sums, prediction, sum_column(buckets, x, kFromEnds), kFromEnds);
    keep_shorter(sums, prediction, sum_column(buckets, x, kFromExtremes), kFromExtremes);
    shape |= static_cast<uint8_t>(prediction << kPredictionShift);
    for (size_t i = 0; i < resets.size(); ++i) resets[i] = sub(resets[i], predict_resets(buckets[i], x, i));
  }
  if (scale != kBits && !exact) {
    shape |= kInexact;
    for (const auto value : {&Bucket::first, &Bucket::last, &Bucket::min, &Bucket::max}) {
      values += column_of(buckets, [&](const Bucket& b) { return b.count == 0 ? 0 : ulps(b.*value, scale); });
    }
  }
  std::string out(1, static_cast<char>(kFormat1));
  append_varint(out, buckets.size());
  out += static_cast<char>(scale);
  out += static_cast<char>(shape);
  out += column_of(buckets, [](const Bucket& b) { return b.last_ms; });
  out += column_of(buckets, [](const Bucket& b) { return b.last_ms - b.first_ms; });
  out += column_of(buckets, [](const Bucket& b) { return b.stale_ms == 0 ? 0 : b.stale_ms - b.last_ms + 1; });
  out += column_of(buckets, [](const Bucket& b) { return b.count; });
  out += column_of(buckets, [](const Bucket& b) { return b.resets; });
  out += values;
  out += sums;
  append_ints(out, resets);
  append_checksum(out);
  return out;
}

Result<std::vector<Bucket>> parse_rollup(std::string_view bytes) {
  if (!take_checksum(bytes)) return fail(Status::corruption("rollup: checksum does not match"));
  if (bytes.empty() || static_cast<uint8_t>(bytes[0]) != kFormat1) {
    return fail(Status::unsupported("rollup: its format is not known to this version"));
  }
  bytes.remove_prefix(1);
  uint64_t n = 0;
  if (!take_varint(bytes, n) || n == 0 || n > kRollupBucketsMax || bytes.size() < 2) {
    return fail(Status::corruption("rollup: header does not read"));
  }
  const auto scale = static_cast<uint8_t>(bytes[0]);
  const auto shape = static_cast<uint8_t>(bytes[1]);
  const auto prediction = static_cast<Prediction>((shape >> kPredictionShift) & kPredictionMask);
  const bool inexact = (shape & kInexact) != 0;
  if ((scale > kScaleMax && scale != kBits) || prediction > kFromExtremes || shape >= 2 * kInexact ||
      (scale == kBits && (prediction != kNone || inexact))) {
    return fail(Status::corruption("rollup: header does not read"));
  }
  bytes.remove_prefix(2);
  std::vector<Bucket> buckets(n);
  Numbers x(n);
  std::array<Column, 4> off;
  for (Column& column : off) column.resize(n);
  if (!take_frame(bytes, buckets) || !take_values(bytes, shape, x) ||
      (inexact && !std::all_of(off.begin(), off.end(), [&](Column& column) { return take_ints(bytes, column); })) ||
      !take_ints(bytes, x.sum) || !take_ints(bytes, x.resets_sum) || !bytes.empty()) {
    return fail(Status::corruption("rollup: a column does not read"));
  }
  for (size_t i = 0; i < n; ++i) {
    Bucket& b = buckets[i];
    if (scale != kBits) {
      x.sum[i] = add(x.sum[i], predict_sum(prediction, b, x, i));
      x.resets_sum[i] = add(x.resets_sum[i], predict_resets(b, x, i));
    }
    if (b.count == 0) continue;
    b.first = moved(to_value(x.first[i], scale), off[0][i]);
    b.last = moved(to_value(x.last[i], scale), off[1][i]);
    b.min = moved(to_value(x.min[i], scale), off[2][i]);
    b.max = moved(to_value(x.max[i], scale), off[3][i]);
    b.sum = to_value(x.sum[i], scale);
    b.resets_sum = to_value(x.resets_sum[i], scale);
  }
  return buckets;
}

}  // namespace tidemark::storage
