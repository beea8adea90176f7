#include "aggregator/promql/fold.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "aggregator/promql/compensated_sum.h"
#include "model/wide.h"

namespace tidemark::promql {
namespace {

// How many bits are set when it is all from the lowest on; else 0.
size_t run_from_start(uint64_t bits) { return (bits & (bits + 1)) == 0 ? static_cast<size_t>(std::popcount(bits)) : 0; }

// CompensatedSum::add() for many, without a branch.
TM_WIDE void add_all(double* __restrict sums, double* __restrict compensations, const double* __restrict values,
                     size_t n) {
  for (size_t i = 0; i < n; ++i) {
    const double sum = sums[i];
    const double x = values[i];
    const double total = sum + x;
    const double lost_of_x = (sum - total) + x;
    const double lost_of_sum = (x - total) + sum;
    const double lost = compensations[i] + (std::fabs(sum) >= std::fabs(x) ? lost_of_x : lost_of_sum);
    sums[i] = total;
    compensations[i] = std::fabs(total) > std::numeric_limits<double>::max() ? 0 : lost;
  }
}

// The walk over a column that all share. Op says what a step's first value does, and what a further one does.
template <class Op>
class FoldOf final : public Fold {
 public:
  explicit FoldOf(size_t steps) : op_(steps), seen_(steps) {}

  void add(const Column& column) override {
    for (size_t w = 0; w < seen_.word_count(); ++w) {
      const uint64_t in = column.present.word(w);
      const uint64_t known = seen_.word(w);
      seen_.word(w) = known | in;
      if constexpr (requires { op_.next_run(size_t{}, column.v.data(), size_t{}); }) {
        // The usual case: a series without gaps, in a group of such.
        if (const size_t run = run_from_start(in); run > 0 && (known == 0 || (in & ~known) == 0)) {
          const double* const v = column.v.data() + w * 64;
          known == 0 ? op_.first_run(w * 64, v, run) : op_.next_run(w * 64, v, run);
          continue;
        }
      }
      Presence::for_each_bit(in & ~known, w * 64, [&](size_t i) { op_.first(i, column.v[i]); });
      Presence::for_each_bit(in & known, w * 64, [&](size_t i) { op_.next(i, column.v[i]); });
    }
  }

  const Presence& seen() const override { return seen_; }

  void finish(Column& out) override {
    out.reset(seen_.size());
    seen_.for_each([&](size_t i) { out.v[i] = op_.value(i); });
    out.present = std::move(seen_);
  }

 private:
  Op op_;
  Presence seen_;
};

class SumOp {
 public:
  explicit SumOp(size_t steps) : sums_(steps), compensations_(steps) {}
  void first(size_t i, double v) {
    sums_[i] = v;
    compensations_[i] = 0;
  }
  void next(size_t i, double v) { next_run(i, &v, 1); }
  void first_run(size_t begin, const double* v, size_t n) {
    std::copy_n(v, n, sums_.begin() + static_cast<ptrdiff_t>(begin));
    std::fill_n(compensations_.begin() + static_cast<ptrdiff_t>(begin), n, 0.0);
  }
  void next_run(size_t begin, const double* v, size_t n) {
    add_all(sums_.data() + begin, compensations_.data() + begin, v, n);
  }
  double value(size_t i) const { return sums_[i] + compensations_[i]; }

 private:
  // CompensatedSums, a column each.
  std::vector<double> sums_;
  std::vector<double> compensations_;
};

class AvgOp {
 public:
  explicit AvgOp(size_t steps) : means_(steps, CompensatedMean(0)) {}
  void first(size_t i, double v) { means_[i] = CompensatedMean(v); }
  void next(size_t i, double v) { means_[i].add(v); }
  double value(size_t i) const { return means_[i].value(); }

 private:
  std::vector<CompensatedMean> means_;
};

template <bool kMax>
class ExtremeOp {
 public:
  explicit ExtremeOp(size_t steps) : values_(steps) {}
  void first(size_t i, double v) { values_[i] = v; }
  void next(size_t i, double v) {
    double& best = values_[i];
    if ((kMax ? best < v : best > v) || std::isnan(best)) best = v;
  }
  double value(size_t i) const { return values_[i]; }

 private:
  std::vector<double> values_;
};

class CountOp {
 public:
  explicit CountOp(size_t steps) : counts_(steps) {}
  void first(size_t i, double) { counts_[i] = 1; }
  void next(size_t i, double) { ++counts_[i]; }
  double value(size_t i) const { return static_cast<double>(counts_[i]); }

 private:
  std::vector<uint64_t> counts_;
};

class GroupOp {
 public:
  explicit GroupOp(size_t) {}
  void first(size_t, double) {}
  void next(size_t, double) {}
  double value(size_t) const { return 1; }
};

// Welford's algorithm; not compensated, as in Prometheus, unlike the functions over time.
template <bool kRoot>
class DeviationOp {
 public:
  explicit DeviationOp(size_t steps) : running_(steps) {}
  void first(size_t i, double v) {
    running_[i] = {1, v, std::isfinite(v) ? 0 : std::numeric_limits<double>::quiet_NaN()};
  }
  void next(size_t i, double v) {
    Running& r = running_[i];
    ++r.n;
    const double delta = v - r.mean;
    r.mean += delta / r.n;
    r.squares += delta * (v - r.mean);
  }
  double value(size_t i) const {
    const double variance = running_[i].squares / running_[i].n;
    return kRoot ? std::sqrt(variance) : variance;
  }

 private:
  struct Running {
    double n = 0;
    double mean = 0;
    double squares = 0;  // Sum of squared distances from the mean.
  };
  std::vector<Running> running_;
};

}  // namespace

std::unique_ptr<Fold> make_fold(AggregateOp op, size_t steps) {
  if (op == AggregateOp::kSum) return std::make_unique<FoldOf<SumOp>>(steps);
  if (op == AggregateOp::kAvg) return std::make_unique<FoldOf<AvgOp>>(steps);
  if (op == AggregateOp::kMin) return std::make_unique<FoldOf<ExtremeOp<false>>>(steps);
  if (op == AggregateOp::kMax) return std::make_unique<FoldOf<ExtremeOp<true>>>(steps);
  if (op == AggregateOp::kCount) return std::make_unique<FoldOf<CountOp>>(steps);
  if (op == AggregateOp::kGroup) return std::make_unique<FoldOf<GroupOp>>(steps);
  if (op == AggregateOp::kStddev) return std::make_unique<FoldOf<DeviationOp<true>>>(steps);
  if (op == AggregateOp::kStdvar) return std::make_unique<FoldOf<DeviationOp<false>>>(steps);
  return nullptr;
}

size_t fold_bytes(size_t steps) { return steps * sizeof(CompensatedMean) + Column::bytes(steps); }

}  // namespace tidemark::promql
