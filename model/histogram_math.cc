#include "model/histogram_math.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "model/bucket_builder.h"
#include "model/bucket_cursor.h"
#include "model/histogram_buckets.h"
#include "model/histogram_layout.h"

namespace tidemark {
namespace {

namespace layout = histogram_layout;

// All buckets of both; `both` says what becomes of a place that both have, `only_b` of one that a has not. Buckets of b
// that lie in the zero bucket are left out: that has them already.
template <class OnlyA, class Both, class OnlyB>
void merge(const BucketList& a, const BucketList& b, int32_t schema, double threshold, OnlyA only_a, Both both,
           OnlyB only_b) {
  BucketCursor i(a);
  BucketCursor j(b);
  if (schema != kCustomBuckets) {
    while (!j.done() && exponential_bound(j.place(), schema) <= threshold) j.next();
  }
  while (!i.done() || !j.done()) {
    if (j.done() || (!i.done() && i.place() < j.place())) {
      only_a(i);
      i.next();
    } else if (i.done() || j.place() < i.place()) {
      only_b(j);
      j.next();
    } else {
      both(i, j);
      i.next();
      j.next();
    }
  }
}

bool same_places(const BucketList& a, const BucketList& b) { return a.spans == b.spans; }

void add_list(BucketList& a, const BucketList& b, int32_t schema, double threshold, double sign) {
  if (threshold == 0 && same_places(a, b)) {  // The usual case: a series' histograms change their layout seldom.
    for (size_t i = 0; i < a.counts.size(); ++i) a.counts[i] += sign * b.counts[i];
    return;
  }
  BucketBuilder out(a.counts.size() + b.counts.size());
  merge(
      a, b, schema, threshold, [&](const BucketCursor& i) { out.append(i.place(), i.count()); },
      [&](const BucketCursor& i, const BucketCursor& j) { out.append(i.place(), i.count() + sign * j.count()); },
      [&](const BucketCursor& j) { out.append(j.place(), sign * j.count()); });
  a = out.take();
}

// The same with compensations; those of b may be missing.
void add_compensated(BucketList& a, std::vector<double>& a_c, const BucketList& b, std::span<const double> b_c,
                     int32_t schema, double threshold) {
  BucketBuilder out(a.counts.size() + b.counts.size());
  std::vector<double> c;
  c.reserve(a.counts.size() + b.counts.size());
  merge(
      a, b, schema, threshold,
      [&](const BucketCursor& i) {
        out.append(i.place(), i.count());
        c.push_back(a_c[i.index()]);
      },
      [&](const BucketCursor& i, const BucketCursor& j) {
        CompensatedSum sum{i.count(), a_c[i.index()]};
        sum.add(j.count());
        if (!b_c.empty() && b_c[j.index()] != 0) sum.add(b_c[j.index()]);
        out.append(i.place(), sum.sum);
        c.push_back(sum.compensation);
      },
      [&](const BucketCursor& j) {
        out.append(j.place(), j.count());
        c.push_back(b_c.empty() ? 0 : b_c[j.index()]);
      });
  a = out.take();
  a_c = std::move(c);
}

// Returns whether the hints contradict each other.
bool adjust_hint(NativeHistogram& h, const NativeHistogram& other) {
  if (h.reset == other.reset || h.reset == CounterReset::kGauge) return false;
  if (other.reset == CounterReset::kGauge) {
    h.reset = CounterReset::kGauge;
    return false;
  }
  const bool collision = h.reset != CounterReset::kUnknown && other.reset != CounterReset::kUnknown;
  h.reset = CounterReset::kUnknown;
  return collision;
}

// Widens the zero bucket of h, or finds what that of the other would be, until both have one threshold. Returns the
// other's count.
CompensatedSum reconcile_zero_buckets(NativeHistogram& h, const NativeHistogram& other, double* zero_c = nullptr,
                                      std::vector<double>* positive_c = nullptr,
                                      std::vector<double>* negative_c = nullptr) {
  layout::ZeroBucket theirs{{other.zero_count, 0}, other.zero_threshold};
  while (theirs.threshold != h.zero_threshold) {
    if (h.zero_threshold > theirs.threshold) theirs = layout::widened_zero_bucket(other, h.zero_threshold);
    if (theirs.threshold > h.zero_threshold) {
      const layout::ZeroBucket ours =
          zero_c == nullptr ? layout::widened_zero_bucket(h, theirs.threshold)
                            : layout::widened_zero_bucket(h, theirs.threshold, *zero_c, *positive_c, *negative_c);
      h.zero_count = ours.count.sum;
      h.zero_threshold = ours.threshold;
      if (zero_c != nullptr) *zero_c = ours.count.compensation;
      layout::drop_below(h.positive, h.schema, h.zero_threshold, positive_c);
      layout::drop_below(h.negative, h.schema, h.zero_threshold, negative_c);
    }
  }
  return theirs.count;
}

// From sums for each bucket of `bounds` to the buckets that are not empty.
void take_custom(NativeHistogram& h, std::vector<double> bounds, const std::vector<CompensatedSum>& sums,
                 std::vector<double>* c) {
  BucketBuilder out;
  if (c != nullptr) c->clear();
  for (size_t i = 0; i < sums.size(); ++i) {
    if (sums[i].sum == 0 && sums[i].compensation == 0) continue;
    out.append(static_cast<int32_t>(i), sums[i].sum);
    if (c != nullptr) c->push_back(sums[i].compensation);
  }
  h.positive = out.take();
  h.bounds = std::move(bounds);
}

HistogramOutcome combine(NativeHistogram& h, const NativeHistogram& other, double sign) {
  HistogramOutcome outcome;
  if (h.has_custom_buckets() != other.has_custom_buckets()) {
    outcome.incompatible = true;
    return outcome;
  }
  outcome.reset_collision = adjust_hint(h, other);
  h.integer_counts = false;
  if (!h.has_custom_buckets()) h.zero_count += sign * reconcile_zero_buckets(h, other).sum;
  h.count += sign * other.count;
  h.sum += sign * other.sum;
  if (h.has_custom_buckets()) {
    if (h.bounds == other.bounds) {
      add_list(h.positive, other.positive, h.schema, 0, sign);
      return outcome;
    }
    outcome.bounds_reconciled = true;
    std::vector<double> bounds = layout::common_bounds(h.bounds, other.bounds);
    std::vector<CompensatedSum> sums(bounds.size() + 1);
    layout::add_to_bounds(h.positive, h.bounds, bounds, false, {}, sums);
    layout::add_to_bounds(other.positive, other.bounds, bounds, sign < 0, {}, sums);
    take_custom(h, std::move(bounds), sums, nullptr);
    return outcome;
  }
  if (other.schema < h.schema) reduce_resolution(h, other.schema);
  const auto add_side = [&](BucketList& ours, const BucketList& theirs) {
    if (other.schema == h.schema) return add_list(ours, theirs, h.schema, h.zero_threshold, sign);
    add_list(ours, layout::reduced(theirs, other.schema, h.schema), h.schema, h.zero_threshold, sign);
  };
  add_side(h.positive, other.positive);
  add_side(h.negative, other.negative);
  return outcome;
}

template <class F>
void each_number(NativeHistogram& h, F f) {
  f(h.zero_count);
  f(h.count);
  f(h.sum);
  for (double& count : h.positive.counts) f(count);
  for (double& count : h.negative.counts) f(count);
  h.integer_counts = false;
}

// The greatest absolute value in it; NaN may be lost, not an infinity.
double magnitude(const NativeHistogram& h) {
  double most = 0;
  for (const double v : {h.zero_count, h.count, h.sum}) most = std::max(most, std::fabs(v));
  for (const double count : h.positive.counts) most = std::max(most, std::fabs(count));
  for (const double count : h.negative.counts) most = std::max(most, std::fabs(count));
  return most;
}

bool buckets_fell(const BucketList& before, const BucketList& now) {
  BucketCursor i(now);
  for (BucketCursor was(before); !was.done(); was.next()) {
    while (!i.done() && i.place() < was.place()) i.next();
    if (!i.done() && i.place() == was.place()) {
      if (i.count() < was.count()) return true;
    } else if (was.count() != 0) {
      return true;
    }
  }
  return false;
}

bool side_fell(const BucketList& before, int32_t schema_before, const BucketList& now, int32_t schema,
               double threshold) {
  if (schema_before == schema && threshold == 0) return buckets_fell(before, now);
  BucketList coarse = schema_before == schema ? before : layout::reduced(before, schema_before, schema);
  if (threshold == 0) return buckets_fell(coarse, now);
  // What lies in the zero bucket has been compared with it.
  BucketBuilder kept;
  coarse.for_each([&](int32_t place, double count) {
    if (exponential_bound(place, schema) > threshold) kept.append(place, count);
  });
  return buckets_fell(kept.take(), now);
}

bool custom_fell(const NativeHistogram& before, const NativeHistogram& now) {
  if (before.bounds == now.bounds) return buckets_fell(before.positive, now.positive);
  const std::vector<double> bounds = layout::common_bounds(before.bounds, now.bounds);
  std::vector<CompensatedSum> was(bounds.size() + 1);
  std::vector<CompensatedSum> is(bounds.size() + 1);
  layout::add_to_bounds(before.positive, before.bounds, bounds, false, {}, was);
  layout::add_to_bounds(now.positive, now.bounds, bounds, false, {}, is);
  for (size_t i = 0; i < was.size(); ++i) {
    if (is[i].sum < was[i].sum) return true;
  }
  return false;
}

}  // namespace

HistogramOutcome add(NativeHistogram& h, const NativeHistogram& other) { return combine(h, other, 1); }

HistogramOutcome subtract(NativeHistogram& h, const NativeHistogram& other) { return combine(h, other, -1); }

void multiply(NativeHistogram& h, double factor) {
  each_number(h, [&](double& v) { v *= factor; });
  if (factor < 0) h.reset = CounterReset::kGauge;
}

void divide(NativeHistogram& h, double divisor) {
  each_number(h, [&](double& v) { v /= divisor; });
  if (divisor == 0) {
    h.positive.clear();
    h.negative.clear();
  } else if (divisor < 0) {
    h.reset = CounterReset::kGauge;
  }
}

void reduce_resolution(NativeHistogram& h, int32_t schema) {
  if (schema == h.schema) return;
  h.positive = layout::reduced(h.positive, h.schema, schema);
  h.negative = layout::reduced(h.negative, h.schema, schema);
  h.schema = schema;
}

bool is_reset(const NativeHistogram& previous, const NativeHistogram& current) {
  if (current.reset == CounterReset::kReset) return true;
  if (current.reset == CounterReset::kNotReset) return false;
  if (current.count < previous.count) return true;
  if (current.has_custom_buckets()) return !previous.has_custom_buckets() || custom_fell(previous, current);
  if (current.schema > previous.schema || current.zero_threshold < previous.zero_threshold) return true;
  const layout::ZeroBucket before = layout::widened_zero_bucket(previous, current.zero_threshold);
  if (before.threshold != current.zero_threshold || current.zero_count < before.count.sum) return true;
  return side_fell(previous.positive, previous.schema, current.positive, current.schema, current.zero_threshold) ||
         side_fell(previous.negative, previous.schema, current.negative, current.schema, current.zero_threshold);
}

HistogramSum::HistogramSum(const NativeHistogram& first)
    : sum_(first), positive_c_(first.positive.counts.size()), negative_c_(first.negative.counts.size()) {
  sum_.integer_counts = false;
}

HistogramOutcome HistogramSum::add(const NativeHistogram& other) {
  HistogramOutcome outcome;
  if (sum_.has_custom_buckets() != other.has_custom_buckets()) {
    outcome.incompatible = true;
    return outcome;
  }
  outcome.reset_collision = adjust_hint(sum_, other);
  const auto add_number = [](double v, double& sum, double& c) {
    CompensatedSum s{sum, c};
    s.add(v);
    sum = s.sum;
    c = s.compensation;
  };
  if (!sum_.has_custom_buckets()) {
    const CompensatedSum zero = reconcile_zero_buckets(sum_, other, &zero_c_, &positive_c_, &negative_c_);
    add_number(zero.sum, sum_.zero_count, zero_c_);
    add_number(zero.compensation, sum_.zero_count, zero_c_);
  }
  add_number(other.count, sum_.count, count_c_);
  add_number(other.sum, sum_.sum, sum_c_);
  if (sum_.has_custom_buckets()) return add_custom(other, outcome);

  if (other.schema < sum_.schema) {
    std::vector<double> c;
    sum_.positive = layout::reduced(sum_.positive, sum_.schema, other.schema, positive_c_, &c);
    positive_c_.swap(c);
    sum_.negative = layout::reduced(sum_.negative, sum_.schema, other.schema, negative_c_, &c);
    negative_c_.swap(c);
    sum_.schema = other.schema;
  }
  const auto add_side = [&](BucketList& ours, std::vector<double>& ours_c, const BucketList& theirs) {
    if (other.schema == sum_.schema) {
      return add_compensated(ours, ours_c, theirs, {}, sum_.schema, sum_.zero_threshold);
    }
    std::vector<double> c;
    const BucketList coarse = layout::reduced(theirs, other.schema, sum_.schema, {}, &c);
    add_compensated(ours, ours_c, coarse, c, sum_.schema, sum_.zero_threshold);
  };
  add_side(sum_.positive, positive_c_, other.positive);
  add_side(sum_.negative, negative_c_, other.negative);
  return outcome;
}

HistogramOutcome HistogramSum::add_custom(const NativeHistogram& other, HistogramOutcome outcome) {
  if (sum_.bounds == other.bounds) {
    add_compensated(sum_.positive, positive_c_, other.positive, {}, sum_.schema, 0);
    return outcome;
  }
  outcome.bounds_reconciled = true;
  std::vector<double> bounds = layout::common_bounds(sum_.bounds, other.bounds);
  std::vector<CompensatedSum> sums(bounds.size() + 1);
  layout::add_to_bounds(sum_.positive, sum_.bounds, bounds, false, positive_c_, sums);
  layout::add_to_bounds(other.positive, other.bounds, bounds, false, {}, sums);
  take_custom(sum_, std::move(bounds), sums, &positive_c_);
  return outcome;
}

void HistogramSum::multiply(double factor) {
  tidemark::multiply(sum_, factor);
  for (double* c : {&count_c_, &sum_c_, &zero_c_}) *c *= factor;
  for (double& c : positive_c_) c *= factor;
  for (double& c : negative_c_) c *= factor;
}

void HistogramSum::divide(double divisor) {
  tidemark::divide(sum_, divisor);
  for (double* c : {&count_c_, &sum_c_, &zero_c_}) *c /= divisor;
  for (double& c : positive_c_) c /= divisor;
  for (double& c : negative_c_) c /= divisor;
}

NativeHistogram HistogramSum::value() const {
  NativeHistogram value = sum_;
  value.count += count_c_;
  value.sum += sum_c_;
  value.zero_count += zero_c_;
  for (size_t i = 0; i < positive_c_.size(); ++i) value.positive.counts[i] += positive_c_[i];
  for (size_t i = 0; i < negative_c_.size(); ++i) value.negative.counts[i] += negative_c_[i];
  return value;
}

bool HistogramSum::has_overflow() const { return std::isinf(magnitude(sum_)); }

bool HistogramSum::has_room_for(const NativeHistogram& other) const {
  // Far enough from the end for every bucket of both to fall into one.
  constexpr double kEnough = std::numeric_limits<double>::max() / (1 << 30);
  return magnitude(sum_) < kEnough && magnitude(other) < kEnough;
}

HistogramOutcome HistogramMean::add(const NativeHistogram& other) {
  HistogramOutcome outcome;
  ++n_;
  if (!incremental_) {
    if (total_.has_room_for(other)) return total_.add(other);
    HistogramSum next = total_;
    outcome = next.add(other);
    if (outcome.incompatible) return outcome;
    if (!next.has_overflow()) {
      total_ = std::move(next);
      return outcome;
    }
    incremental_ = true;
    total_.divide(n_ - 1);
  }
  total_.multiply((n_ - 1) / n_);
  NativeHistogram part = other;
  divide(part, n_);
  outcome.merge(total_.add(part));
  return outcome;
}

NativeHistogram HistogramMean::value() const {
  if (incremental_) return total_.value();
  HistogramSum mean = total_;
  mean.divide(n_);
  return mean.value();
}

}  // namespace tidemark
