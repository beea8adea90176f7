// CompensatedMean: a mean from compensated sums, in the form Prometheus uses it, so that means agree to the last bit
// for the same order. Needs -ffp-contract=off where the target has fused multiply-add.
#pragma once

#include <cmath>

#include "model/compensated_sum.h"

namespace tidemark::promql {

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
