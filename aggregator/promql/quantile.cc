#include "aggregator/promql/quantile.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "aggregator/promql/polled_sort.h"

namespace tidemark::promql {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

// Relative differences below this are rounding, not observations. Prometheus' figure.
constexpr double kSmallDifference = 1e-12;

bool below(double a, double b) { return std::isnan(a) ? !std::isnan(b) : a < b; }

bool almost_equal(double a, double b, double tolerance) {
  if (a == b || (std::isnan(a) && std::isnan(b))) return true;
  constexpr double kMinNormal = std::numeric_limits<double>::min();
  const double sum = std::fabs(a) + std::fabs(b);
  const double difference = std::fabs(a - b);
  if (a == 0 || b == 0 || sum < kMinNormal) return difference < tolerance * kMinNormal;
  return difference / std::min(sum, std::numeric_limits<double>::max()) < tolerance;
}

void make_monotonic(std::vector<Bucket>& buckets, BucketQuantile& result) {
  result.min_bound = kInf;
  result.max_bound = -kInf;
  double previous = buckets[0].count;
  for (size_t i = 1; i < buckets.size(); ++i) {
    const double count = buckets[i].count;
    if (count == previous) continue;
    if (almost_equal(previous, count, kSmallDifference)) {
      buckets[i].count = previous;
    } else if (count < previous) {
      buckets[i].count = previous;
      result.forced_monotonic = true;
      result.min_bound = std::min(result.min_bound, buckets[i].upper_bound);
      result.max_bound = std::max(result.max_bound, buckets[i].upper_bound);
      result.max_difference = std::max(result.max_difference, previous - count);
    } else {
      previous = count;
    }
  }
}

// `select(at)` brings to `at` what belongs there, with the smaller values before it.
template <class Select>
double quantile_by(double q, std::span<double> values, Select select) {
  if (values.empty() || std::isnan(q)) return kNaN;
  if (q < 0) return -kInf;
  if (q > 1) return kInf;
  const double rank = q * static_cast<double>(values.size() - 1);
  const double floor = std::floor(rank);
  const auto lower = static_cast<size_t>(std::max(0.0, floor));
  const double weight = rank - floor;

  const auto at = values.begin() + static_cast<ptrdiff_t>(lower);
  select(at);
  const double low = *at;
  const double high = lower + 1 < values.size() ? *std::min_element(at + 1, values.end(), below) : low;
  return low * (1 - weight) + high * weight;
}

}  // namespace

void add_up_equal_bounds(std::vector<Bucket>& buckets) {
  size_t last = 0;
  for (size_t i = 1; i < buckets.size(); ++i) {
    if (buckets[i].upper_bound == buckets[last].upper_bound) {
      buckets[last].count += buckets[i].count;
    } else {
      buckets[++last] = buckets[i];
    }
  }
  buckets.resize(last + 1);
}

double quantile(double q, std::span<double> values) {
  return quantile_by(q, values, [&](auto at) { std::nth_element(values.begin(), at, values.end(), below); });
}

Status quantile(const QueryContext& context, double q, std::span<double> values, double& out) {
  if (values.size() < kComparisonsAPoll) {
    out = quantile(q, values);
    return {};
  }
  Status status;
  out = quantile_by(q, values, [&](auto at) {
    status =
        polled(context, below, [&](const auto& less) { std::nth_element(values.begin(), at, values.end(), less); });
  });
  return status;
}

BucketQuantile bucket_quantile(double q, std::vector<Bucket>& buckets) {
  BucketQuantile result;
  if (std::isnan(q) || q < 0 || q > 1) {
    result.value = std::isnan(q) ? kNaN : q < 0 ? -kInf : kInf;
    return result;
  }
  result.value = kNaN;
  if (buckets.back().upper_bound != kInf) return result;
  add_up_equal_bounds(buckets);
  make_monotonic(buckets, result);
  if (buckets.size() < 2) return result;
  const double observations = buckets.back().count;
  if (observations == 0) return result;

  double rank = q * observations;
  const auto last = buckets.end() - 1;
  // Not a plain lower_bound on the count: with a NaN among the counts the answer is to be that of a binary search for
  // the first bucket with count >= rank.
  const auto found = std::partition_point(buckets.begin(), last, [&](const Bucket& b) { return !(b.count >= rank); });
  if (found == last) {
    result.value = (last - 1)->upper_bound;
  } else if (found == buckets.begin() && found->upper_bound <= 0) {
    result.value = found->upper_bound;
  } else {
    double begin = 0;
    double count = found->count;
    if (found != buckets.begin()) {
      begin = (found - 1)->upper_bound;
      count -= (found - 1)->count;
      rank -= (found - 1)->count;
    }
    result.value = begin + (found->upper_bound - begin) * (rank / count);
  }
  return result;
}

}  // namespace tidemark::promql
