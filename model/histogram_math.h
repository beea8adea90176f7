// Arithmetic on native histograms: adding and taking away, scaling, resets; with the results of Prometheus 3.14,
// rounding included. https://prometheus.io/docs/specs/native_histograms/ says what they are to mean.
//
// Two histograms of different resolution meet at the lower one, two of different zero thresholds at the least one that
// cuts through no populated bucket of either, two with different custom bounds at the bounds that both have.
// REQUIRES everywhere: histograms that are valid, or came of these functions; counts may have become negative.
#pragma once

#include <vector>

#include "model/native_histogram.h"

namespace tidemark {

struct HistogramOutcome {
  bool incompatible = false;       // One exponential, one custom: the first operand is as it was.
  bool reset_collision = false;    // One says it was reset, the other that it was not.
  bool bounds_reconciled = false;  // Custom bounds differed.

  void merge(const HistogramOutcome& other) {
    incompatible |= other.incompatible;
    reset_collision |= other.reset_collision;
    bounds_reconciled |= other.bounds_reconciled;
  }
};

// The hint of the sum is what both say, kGauge where either says so, else kUnknown.
HistogramOutcome add(NativeHistogram& h, const NativeHistogram& other);
HistogramOutcome subtract(NativeHistogram& h, const NativeHistogram& other);

// A negative factor makes a gauge. Division by 0 leaves no buckets.
void multiply(NativeHistogram& h, double factor);
void divide(NativeHistogram& h, double divisor);

// Merges buckets. REQUIRES: both schemas exponential, the new one not greater.
void reduce_resolution(NativeHistogram& h, int32_t schema);

// Whether a counter began anew between the two: by the hint of `current`, or where it says nothing, because a count has
// fallen, a populated bucket is missing, or the buckets have become finer.
bool is_reset(const NativeHistogram& previous, const NativeHistogram& current);

// What is left of the observations below (`keep_below`) or above `v`. Inside the bucket that holds `v` they are taken
// as spread evenly, on a linear scale for custom buckets and around zero, else on a logarithmic one; the sum is an
// estimate from the middles of the buckets. A histogram that loses nothing is as it was.
void trim(NativeHistogram& h, double v, bool keep_below);

// A sum of histograms with what rounding took from it (Kahan), for aggregations.
class HistogramSum {
 public:
  explicit HistogramSum(const NativeHistogram& first);

  HistogramOutcome add(const NativeHistogram& other);
  void multiply(double factor);
  void divide(double divisor);

  NativeHistogram value() const;
  bool has_overflow() const;  // Something in it is infinite.
  // Whether adding `other` cannot overflow. Cheap; false only means that it might.
  bool has_room_for(const NativeHistogram& other) const;
  size_t bytes() const { return 2 * sum_.bytes(); }

 private:
  HistogramOutcome add_custom(const NativeHistogram& other, HistogramOutcome outcome);

  NativeHistogram sum_;
  double count_c_ = 0;
  double sum_c_ = 0;
  double zero_c_ = 0;
  std::vector<double> positive_c_;  // As long as the buckets of sum_.
  std::vector<double> negative_c_;
};

// The mean of a growing set, in two ways as for floats: sums directly until the sum would overflow, and keeps the mean
// itself from there on.
class HistogramMean {
 public:
  explicit HistogramMean(const NativeHistogram& first) : total_(first) {}

  HistogramOutcome add(const NativeHistogram& other);  // An incompatible one ends the matter: there is no mean.
  NativeHistogram value() const;
  size_t bytes() const { return total_.bytes(); }

 private:
  HistogramSum total_;  // Or once incremental_ the mean.
  double n_ = 1;
  bool incremental_ = false;
};

}  // namespace tidemark
