// CompensatedSum: Kahan's summation with Neumaier's improvement, in the form Prometheus uses it, so that sums agree to
// the last bit for the same order. Needs -ffp-contract=off where the target has fused multiply-add.
// https://en.wikipedia.org/wiki/Kahan_summation_algorithm#Further_enhancements
#pragma once

#include <cmath>

namespace tidemark {

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

}  // namespace tidemark
