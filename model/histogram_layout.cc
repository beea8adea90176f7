#include "model/histogram_layout.h"

#include <cmath>
#include <utility>

#include "model/bucket_builder.h"
#include "model/histogram_buckets.h"

namespace tidemark::histogram_layout {

BucketList reduced(const BucketList& in, int32_t from, int32_t to, std::span<const double> c_in,
                   std::vector<double>* c_out) {
  if (c_out != nullptr) c_out->clear();
  BucketBuilder out;
  size_t i = 0;
  in.for_each([&](int32_t place, double count) {
    const double c = c_in.empty() ? 0 : c_in[i];
    ++i;
    const int32_t target = ((place - 1) >> (from - to)) + 1;
    if (out.empty() || out.last_place() != target) {
      out.append(target, count);
      if (c_out != nullptr) c_out->push_back(c);
    } else if (c_out == nullptr) {
      out.last_count() += count;
    } else {
      CompensatedSum sum{out.last_count(), c_out->back()};
      sum.add(count);
      sum.add(c);
      out.last_count() = sum.sum;
      c_out->back() = sum.compensation;
    }
  });
  return out.take();
}

namespace {

// Adds what lies below the threshold. Returns whether a populated bucket reached over it, and raised it.
bool take_below(const BucketList& list, std::span<const double> c, int32_t schema, CompensatedSum& count,
                double& threshold) {
  bool over = false;
  bool raised = false;
  size_t i = 0;
  list.for_each([&](int32_t place, double in_bucket) {
    const size_t at = i++;
    if (over || exponential_bound(place - 1, schema) >= threshold) {
      over = true;
      return;
    }
    count.add(in_bucket);
    if (!c.empty()) count.add(c[at]);
    const double upper = exponential_bound(place, schema);
    if (upper <= threshold) return;
    over = true;
    if (in_bucket == 0) return;
    threshold = upper;
    raised = true;
  });
  return raised;
}

}  // namespace

ZeroBucket widened_zero_bucket(const NativeHistogram& h, double threshold, double zero_c,
                               std::span<const double> positive_c, std::span<const double> negative_c) {
  ZeroBucket zero{{h.zero_count, zero_c}, threshold};
  if (threshold == h.zero_threshold) return zero;
  for (;;) {
    zero.count = {h.zero_count, zero_c};
    take_below(h.positive, positive_c, h.schema, zero.count, zero.threshold);
    // A bucket of the negative side that raises the threshold may reach over more of the positive one.
    if (!take_below(h.negative, negative_c, h.schema, zero.count, zero.threshold)) return zero;
  }
}

void drop_below(BucketList& list, int32_t schema, double threshold, std::vector<double>* c) {
  BucketBuilder kept(list.counts.size());
  size_t i = 0;
  size_t n = 0;
  list.for_each([&](int32_t place, double count) {
    const size_t at = i++;
    const double compensation = c == nullptr ? 0 : (*c)[at];
    if (exponential_bound(place - 1, schema) < threshold || (count == 0 && compensation == 0)) return;
    kept.append(place, count);
    if (c != nullptr) (*c)[n] = compensation;
    ++n;
  });
  if (c != nullptr) c->resize(n);
  list = kept.take();
}

std::vector<double> common_bounds(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> both;
  for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    if (a[i] == b[j]) {
      both.push_back(a[i]);
      ++i;
      ++j;
    } else if (a[i] < b[j]) {
      ++i;
    } else {
      ++j;
    }
  }
  return both;
}

void add_to_bounds(const BucketList& list, const std::vector<double>& from, const std::vector<double>& to, bool negate,
                   std::span<const double> c, std::vector<CompensatedSum>& into) {
  size_t i = 0;
  size_t target = 0;
  list.for_each([&](int32_t place, double count) {
    const size_t at = i++;
    const auto index = static_cast<size_t>(place);
    if (index < from.size()) {
      while (target < to.size() && to[target] < from[index]) ++target;
    } else {
      target = to.size();
    }
    into[target].add(negate ? -count : count);
    if (!c.empty()) into[target].add(c[at]);
  });
}

}  // namespace tidemark::histogram_layout
