#include "aggregator/promql/fold.h"

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "aggregator/promql/compensated_sum.h"

namespace tidemark::promql {
namespace {

// The walk over a column that all share. Op says what a step's first value does, and what a further one does.
template <class Op>
class FoldOf final : public Fold {
 public:
  explicit FoldOf(size_t steps) : op_(steps), seen_(steps) {}

  void add(const Column& column) override {
    for (size_t w = 0; w < seen_.word_count(); ++w) {
      const uint64_t in = column.present.word(w);
      const uint64_t known = seen_.word(w);
      Presence::for_each_bit(in & ~known, w * 64, [&](size_t i) { op_.first(i, column.v[i]); });
      Presence::for_each_bit(in & known, w * 64, [&](size_t i) { op_.next(i, column.v[i]); });
      seen_.word(w) = known | in;
    }
  }

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
  explicit SumOp(size_t steps) : sums_(steps) {}
  void first(size_t i, double v) { sums_[i] = {v, 0}; }
  void next(size_t i, double v) { sums_[i].add(v); }
  double value(size_t i) const { return sums_[i].value(); }

 private:
  std::vector<CompensatedSum> sums_;
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
