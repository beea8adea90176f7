// CompensatedSum: Kahan's summation with Neumaier's improvement, in the form Prometheus uses it, so that sums agree to
// the last bit for the same order. Needs -ffp-contract=off where the target has fused multiply-add.
// https://en.wikipedia.org/wiki/Kahan_summation_algorithm#Further_enhancements
#pragma once

#include <cmath>

namespace tidemark::promql {

struct CompensatedSum {
  double sum = 0;
  double compensation = 0;  // What rounding has taken from `sum` so far.

  void add(double x) {
    const double total = sum + x;
    if (std::isinf(total)) {
      compensation = 0;
    } else if (std::fabs(sum) >= std::fabs(x)) {
      compensation += (sum - total) + x;
    } else {
      compensation += (x - total) + sum;
    }
    sum = total;
  }
  double value() const { return sum + compensation; }
};

// The mean of a growing set. Sums directly, which is the more exact way, until the sum would overflow; from there on
// it keeps the mean itself: the mean of 1e308 and 1e308 is 1e308, not Inf.
class CompensatedMean {
 public:
  explicit CompensatedMean(double first) : total_{first, 0} {}

  void add(double x) {
    ++count_;
    if (!incremental_) {
      CompensatedSum next = total_;
      next.add(x);
      if (!std::isinf(next.sum)) {
        total_ = next;
        return;
      }
      incremental_ = true;
      total_.sum /= count_ - 1;
      total_.compensation /= count_ - 1;
    }
    const double keep = (count_ - 1) / count_;
    CompensatedSum mean{keep * total_.sum, keep * total_.compensation};
    mean.add(x / count_);
    total_ = mean;
  }
  double value() const {
    if (incremental_) return total_.value();
    return total_.sum / count_ + total_.compensation / count_;
  }

 private:
  CompensatedSum total_;  // Of the values, or once incremental_ the mean.
  double count_ = 1;
  bool incremental_ = false;
};

}  // namespace tidemark::promql
