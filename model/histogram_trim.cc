// trim(): what `</` and `>/` do. Of each bucket that is cut, how much stays and where the middle of that is.
#include <cmath>

#include "model/histogram_buckets.h"
#include "model/histogram_math.h"

namespace tidemark {
namespace {

// What stays of a bucket: how many observations, and the value that stands for each in the sum.
struct Kept {
  double count = 0;
  double middle = 0;
};

double zero_if_infinite(double v) { return std::isinf(v) ? 0 : v; }

// The middle of what is between two bounds: of the logarithms, or of the numbers themselves. One that is infinite gives
// way to the other, or to zero where that lies between.
double middle_of(double lower, double upper, bool positive, bool linear) {
  if (std::isinf(lower)) {
    if (std::isinf(upper)) return 0;
    return upper > 0 ? upper / 2 : upper;
  }
  if (std::isinf(upper)) return lower;
  if (linear) return (lower + upper) / 2;
  const double mean = std::sqrt(std::fabs(lower * upper));
  return positive ? mean : -mean;
}

// How observations are spread in a bucket without an end is not known: cut inside, it loses them all, unless they can
// be taken to be all on one side.
Kept cut_infinite(const HistogramBucket& b, double v, bool keep_below) {
  if (std::isinf(b.lower) && b.lower < 0) {
    const bool ends_above_zero = b.upper > 0 && !std::isinf(b.upper);
    if (keep_below) {
      if (v >= b.upper) return {b.count, 0};
      if (v > 0 && ends_above_zero) return {b.count * v / b.upper, v / 2};  // As if it began at 0.
      if (b.upper <= 0) return {b.count, v};
      return {0, zero_if_infinite(b.upper)};
    }
    if (v <= b.lower) return {b.count, 0};
    if (v >= 0 && b.upper > v && !std::isinf(b.upper)) return {b.count * (1 - v / b.upper), (v + b.upper) / 2};
    return {0, zero_if_infinite(b.upper)};
  }
  if (!keep_below && v >= b.lower) return {b.count, v};
  return {0, zero_if_infinite(b.lower)};
}

// REQUIRES: v lies inside the bucket.
Kept cut(const HistogramBucket& b, double v, bool keep_below, bool positive, bool linear) {
  if (std::isinf(b.lower) || std::isinf(b.upper)) return cut_infinite(b, v, keep_below);
  const double below = b.count * fraction_below(b, v, linear);
  if (keep_below) return {below, middle_of(b.lower, v, positive, linear)};
  return {b.count - below, middle_of(v, b.upper, positive, linear)};
}

// The zero bucket reaches to both sides of 0 only if there are observations on both, or on neither.
Kept cut_zero_bucket(const NativeHistogram& h, double v, bool keep_below, bool has_negative, bool has_positive) {
  const double lower = has_positive && !has_negative ? 0 : -h.zero_threshold;
  const double upper = has_negative && !has_positive ? 0 : h.zero_threshold;
  const Kept all{h.zero_count, (lower + upper) / 2};
  if (v <= lower) return keep_below ? Kept{} : all;
  if (v >= upper) return keep_below ? all : Kept{};
  if (keep_below) return {h.zero_count * ((v - lower) / (upper - lower)), (lower + v) / 2};
  return {h.zero_count * ((upper - v) / (upper - lower)), (v + upper) / 2};
}

class Trim {
 public:
  Trim(NativeHistogram& h, double v, bool keep_below) : h_(h), v_(v), keep_below_(keep_below) {}

  void run() {
    const bool has_positive = side(h_.positive, true);
    const bool has_negative = side(h_.negative, false);
    if (h_.zero_count > 0) {
      keep(h_.zero_count, cut_zero_bucket(h_, v_, keep_below_, has_negative, has_positive));
    }
    if (!changed_) return;
    h_.count = count_;
    h_.sum = sum_;
    h_.integer_counts = false;
    compact(h_);
  }

 private:
  // Returns whether the side has observations.
  bool side(BucketList& list, bool positive) {
    bool any = false;
    size_t i = 0;
    list.for_each([&](int32_t place, double in_bucket) {
      double& count = list.counts[i++];
      if (in_bucket == 0) return;
      any = true;
      HistogramBucket bucket = positive ? positive_bucket(h_, place) : negative_bucket(h_, place);
      bucket.count = in_bucket;
      keep(count, kept_of(bucket, positive));
    });
    return any;
  }

  Kept kept_of(const HistogramBucket& bucket, bool positive) const {
    const bool linear = h_.has_custom_buckets();
    if (keep_below_ ? bucket.upper <= v_ : bucket.lower >= v_) {
      return {bucket.count, middle_of(bucket.lower, bucket.upper, positive, linear)};
    }
    if (keep_below_ ? bucket.lower < v_ : bucket.upper > v_) return cut(bucket, v_, keep_below_, positive, linear);
    return {};
  }

  void keep(double& count, const Kept& kept) {
    count_ += kept.count;
    sum_ += kept.middle * kept.count;
    if (count == kept.count) return;
    count = kept.count;
    changed_ = true;
  }

  NativeHistogram& h_;
  const double v_;
  const bool keep_below_;
  double count_ = 0;
  double sum_ = 0;
  bool changed_ = false;
};

}  // namespace

void trim(NativeHistogram& h, double v, bool keep_below) { Trim(h, v, keep_below).run(); }

}  // namespace tidemark
