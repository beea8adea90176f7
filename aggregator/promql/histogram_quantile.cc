#include "aggregator/promql/histogram_quantile.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "model/compensated_sum.h"

namespace tidemark::promql {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

bool only_positive(const NativeHistogram& h) { return h.negative.empty() && !h.positive.empty(); }
bool only_negative(const NativeHistogram& h) { return h.positive.empty() && !h.negative.empty(); }

// Where in a bucket that a part of its observations lies below.
double value_in(const HistogramBucket& b, double fraction, bool custom) {
  if (custom || (b.lower <= 0 && b.upper >= 0)) return b.lower + (b.upper - b.lower) * fraction;
  const double lower = std::log2(std::fabs(b.lower));
  const double upper = std::log2(std::fabs(b.upper));
  if (b.lower > 0) return std::exp2(lower + (upper - lower) * fraction);
  return -std::exp2(upper + (lower - upper) * (1 - fraction));
}

// Which rank of the observations a bound has: those below it, by walking the buckets upwards.
class Rank {
 public:
  explicit Rank(double bound) : bound_(bound) {}

  // `below` are all observations below the bucket, `inside` says how many are below the bound in a bucket that holds
  // it.
  template <class F>
  void look(double lower, double upper, double below, F inside) {
    if (set_) return;
    if (lower >= bound_) {
      rank_ = below;
      set_ = true;
    } else if (upper > bound_) {
      rank_ = inside(bound_);
      set_ = true;
    }
  }
  bool set() const { return set_; }
  double value(double observations) const { return !set_ || rank_ > observations ? observations : rank_; }

 private:
  const double bound_;
  double rank_ = 0;
  bool set_ = false;
};

}  // namespace

HistogramAnswer native_quantile(double q, const NativeHistogram& h, std::vector<HistogramBucket>& buckets) {
  if (q < 0) return {-kInf};
  if (q > 1) return {kInf};
  if (h.count == 0 || std::isnan(q)) return {kNaN};
  list_buckets(h, buckets);
  // From the nearer end; with NaN observations always from the lower one, as they count as the greatest.
  const bool has_nan = std::isnan(h.sum);
  const bool upwards = has_nan || q < 0.5;
  if (!upwards) std::reverse(buckets.begin(), buckets.end());
  double rank = (upwards ? q : 1 - q) * h.count;

  HistogramBucket bucket;
  double count = 0;
  size_t next = 0;
  while (next < buckets.size()) {
    bucket = buckets[next++];
    count += bucket.count;
    if (bucket.count != 0 && count >= rank) break;
  }
  const bool custom = h.has_custom_buckets();
  if (custom && bucket.lower == -kInf) {
    if (bucket.upper <= 0) return {bucket.upper};
    bucket.lower = 0;
  } else if (custom && bucket.upper == kInf) {
    return {bucket.lower};
  } else if (!custom && bucket.lower < 0 && bucket.upper > 0) {
    if (only_positive(h)) bucket.lower = 0;
    if (only_negative(h)) bucket.upper = 0;
  }
  count = std::min(count, h.count);
  if (count < rank) {  // Rounding, or it lies among NaN observations.
    return has_nan ? HistogramAnswer{kNaN, NaNEffect::kResultIsNaN} : HistogramAnswer{bucket.upper};
  }
  rank = upwards ? rank - (count - bucket.count) : count - rank;
  HistogramAnswer answer;
  if (has_nan) {
    for (; next < buckets.size(); ++next) count += buckets[next].count;
    if (count < h.count) answer.nan_effect = NaNEffect::kSkewedHigher;
  }
  answer.value = value_in(bucket, rank / bucket.count, custom);
  return answer;
}

HistogramAnswer native_fraction(double lower, double upper, const NativeHistogram& h,
                                std::vector<HistogramBucket>& buckets) {
  if (h.count == 0 || std::isnan(lower) || std::isnan(upper)) return {kNaN};
  if (lower >= upper) return {0};
  list_buckets(h, buckets);
  Rank lower_rank(lower);
  Rank upper_rank(upper);
  double below = 0;
  double count = 0;
  for (HistogramBucket b : buckets) {
    count += b.count;
    if (lower_rank.set() && upper_rank.set()) continue;
    const bool around_zero = b.lower <= 0 && b.upper >= 0;
    if (around_zero && only_positive(h)) b.lower = 0;
    if (around_zero && only_negative(h)) b.upper = 0;
    const bool linear = h.has_custom_buckets() || around_zero;
    const auto inside = [&](double v) {
      if (linear && b.lower == -kInf) return b.count;
      return below + b.count * fraction_below(b, v, linear);
    };
    lower_rank.look(b.lower, b.upper, below, inside);
    upper_rank.look(b.lower, b.upper, below, inside);
    below += b.count;
  }
  HistogramAnswer answer;
  if (!std::isnan(h.sum)) {
    count = h.count;
  } else if (count < h.count) {
    answer.nan_effect = NaNEffect::kExcluded;
  }
  answer.value = (upper_rank.value(count) - lower_rank.value(count)) / h.count;
  return answer;
}

double classic_fraction(double lower, double upper, std::vector<Bucket>& buckets) {
  if (buckets.back().upper_bound != kInf) return kNaN;
  add_up_equal_bounds(buckets);
  const double count = buckets.back().count;
  if (count == 0 || std::isnan(lower) || std::isnan(upper)) return kNaN;
  if (lower >= upper) return 0;
  Rank lower_rank(lower);
  Rank upper_rank(upper);
  double begin = buckets[0].upper_bound <= 0 ? -kInf : 0;
  double below = 0;
  for (const Bucket& b : buckets) {
    const auto inside = [&](double v) {
      if (begin == -kInf) return b.count;
      return below + (b.count - below) * (v - begin) / (b.upper_bound - begin);
    };
    lower_rank.look(begin, b.upper_bound, below, inside);
    upper_rank.look(begin, b.upper_bound, below, inside);
    if (lower_rank.set() && upper_rank.set()) break;
    below = b.count;
    begin = b.upper_bound;
  }
  return (upper_rank.value(count) - lower_rank.value(count)) / count;
}

double native_variance(const NativeHistogram& h, std::vector<HistogramBucket>& buckets) {
  const double mean = h.sum / h.count;
  CompensatedSum squares;
  list_buckets(h, buckets);
  for (const HistogramBucket& b : buckets) {
    if (b.count == 0) continue;
    double middle = 0;
    if (h.has_custom_buckets()) {
      middle = (b.upper + b.lower) / 2;
    } else if (!(b.lower <= 0 && b.upper >= 0)) {
      middle = std::sqrt(b.upper * b.lower);
      if (b.upper < 0) middle = -middle;
    }
    const double delta = middle - mean;
    squares.add(b.count * delta * delta);
  }
  return squares.value() / h.count;
}

}  // namespace tidemark::promql
