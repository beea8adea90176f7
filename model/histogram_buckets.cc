#include "model/histogram_buckets.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace tidemark {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr int kSteps = 1 << kHistogramSchemaMax;

// Bounds within one power of two, halved: in [0.5, 1), of the finest schema; coarser ones' are among them. These are
// not the doubles nearest to 2^(i/256)/2, but what everybody's tables were once made with: every second bound of a
// schema is one of the next coarser schema, the others are the bound before them times the schema's base.
const std::array<double, kSteps>& fractions() {
  static const std::array<double, kSteps> table = [] {
    std::array<double, kSteps> made{};
    made[0] = 0.5;
    for (int schema = 1; schema <= kHistogramSchemaMax; ++schema) {
      // One less in the last place than the nearest double to the square root of 2, as those tables have it.
      const double base = schema == 1 ? 0x1.6a09e667f3bccp+0 : std::exp2(std::exp2(-schema));
      const size_t distance = size_t{kSteps} >> schema;
      for (size_t i = distance; i < kSteps; i += 2 * distance) made[i] = made[i - distance] * base;
    }
    return made;
  }();
  return table;
}

double custom_bound(const std::vector<double>& bounds, int32_t place) {
  if (place < 0) return -kInf;
  return static_cast<size_t>(place) < bounds.size() ? bounds[static_cast<size_t>(place)] : kInf;
}

}  // namespace

double exponential_bound(int32_t place, int32_t schema) {
  if (schema < 0) {
    const int64_t exponent = int64_t{place} << -schema;
    if (exponent == 1024) return std::numeric_limits<double>::max();
    return std::ldexp(1, static_cast<int>(std::clamp<int64_t>(exponent, -2000, 2000)));
  }
  const int32_t in_power = place & ((1 << schema) - 1);
  const int32_t exponent = (place >> schema) + 1;
  if (in_power == 0 && exponent == 1025) return std::numeric_limits<double>::max();
  return std::ldexp(fractions()[static_cast<size_t>(in_power) << (kHistogramSchemaMax - schema)], exponent);
}

HistogramBucket positive_bucket(const NativeHistogram& h, int32_t place) {
  HistogramBucket bucket;
  if (h.has_custom_buckets()) {
    bucket.lower = custom_bound(h.bounds, place - 1);
    bucket.upper = custom_bound(h.bounds, place);
    bucket.lower_inclusive = place == 0;
    bucket.upper_inclusive = true;
    return bucket;
  }
  bucket.lower = exponential_bound(place - 1, h.schema);
  bucket.upper = exponential_bound(place, h.schema);
  bucket.lower_inclusive = bucket.lower < 0;
  bucket.upper_inclusive = bucket.upper > 0;
  return bucket;
}

HistogramBucket negative_bucket(const NativeHistogram& h, int32_t place) {
  HistogramBucket bucket;
  bucket.lower = -exponential_bound(place, h.schema);
  bucket.upper = -exponential_bound(place - 1, h.schema);
  bucket.lower_inclusive = bucket.lower < 0;
  bucket.upper_inclusive = bucket.upper > 0;
  return bucket;
}

void list_buckets(const NativeHistogram& h, std::vector<HistogramBucket>& out) {
  out.clear();
  h.negative.for_each([&](int32_t place, double count) {
    HistogramBucket bucket = negative_bucket(h, place);
    if (bucket.upper < 0 && bucket.upper > -h.zero_threshold) bucket.upper = -h.zero_threshold;
    bucket.count = count;
    out.push_back(bucket);
  });
  std::reverse(out.begin(), out.end());
  if (h.zero_count > 0) out.push_back({-h.zero_threshold, h.zero_threshold, true, true, h.zero_count});
  h.positive.for_each([&](int32_t place, double count) {
    HistogramBucket bucket = positive_bucket(h, place);
    if (bucket.lower > 0 && bucket.lower < h.zero_threshold) bucket.lower = h.zero_threshold;
    bucket.count = count;
    out.push_back(bucket);
  });
}

double fraction_below(const HistogramBucket& bucket, double v, bool linear) {
  if (linear) return (v - bucket.lower) / (bucket.upper - bucket.lower);
  const double lower = std::log2(std::fabs(bucket.lower));
  const double upper = std::log2(std::fabs(bucket.upper));
  const double at = std::log2(std::fabs(v));
  if (v > 0) return (at - lower) / (upper - lower);
  return 1 - (at - upper) / (lower - upper);
}

}  // namespace tidemark
