#include "aggregator/storage/rollup.h"

#include <cmath>
#include <utility>

#include "model/sample.h"

namespace tidemark::storage {
namespace {

int64_t bucket_end_ms(int64_t t_ms, int64_t resolution_ms) {
  const int64_t over = t_ms % resolution_ms;
  if (over == 0) return t_ms;
  return t_ms - over + (over > 0 ? resolution_ms : 0);
}

}  // namespace

int64_t Bucket::end_ms(int64_t resolution_ms) const { return bucket_end_ms(last_ms, resolution_ms); }

std::vector<Bucket> fold_buckets(std::span<const Bucket> finer, Tier tier) {
  std::vector<Bucket> out;
  const int64_t resolution = resolution_ms(tier);
  int64_t end_ms = INT64_MIN;
  for (const Bucket& one : finer) {
    if (out.empty() || one.last_ms > end_ms) {
      end_ms = bucket_end_ms(one.last_ms, resolution);
      out.push_back(one);
      continue;
    }
    Bucket& b = out.back();
    if (b.count == 0 || one.count == 0) {
      if (one.count == 0 && b.count != 0) {
        b.stale_ms = one.last_ms;
      } else {
        b = one;
      }
      continue;
    }
    if (one.first < b.last) {
      ++b.resets;
      b.resets_sum += b.last;
    }
    b.resets += one.resets;
    b.resets_sum += one.resets_sum;
    b.count += one.count;
    b.sum += one.sum;
    if (one.min < b.min || std::isnan(b.min)) b.min = one.min;
    if (one.max > b.max || std::isnan(b.max)) b.max = one.max;
    b.last = one.last;
    b.last_ms = one.last_ms;
    b.stale_ms = one.stale_ms;
  }
  return out;
}

void RollupFold::add(std::span<const int64_t> t_ms, std::span<const double> v) {
  for (size_t i = 0; i < t_ms.size(); ++i) add_one(t_ms[i], v[i]);
}

void RollupFold::add_one(int64_t t_ms, double v) {
  if (buckets_.empty() || t_ms > end_ms_) {
    finish_sum();
    end_ms_ = bucket_end_ms(t_ms, resolution_ms_);
    buckets_.emplace_back();
    buckets_.back().first_ms = buckets_.back().last_ms = t_ms;
  }
  Bucket& b = buckets_.back();
  if (is_stale(v)) {
    if (b.count == 0) {
      b.first_ms = b.last_ms = t_ms;
    } else {
      b.stale_ms = t_ms;
    }
    return;
  }
  b.last_ms = t_ms;
  b.stale_ms = 0;
  if (b.count++ == 0) {
    b.first_ms = t_ms;
    b.sum = b.min = b.max = b.first = b.last = v;
    return;
  }
  if (v < b.last) {
    ++b.resets;
    b.resets_sum += b.last;
  }
  if (v < b.min || std::isnan(b.min)) b.min = v;
  if (v > b.max || std::isnan(b.max)) b.max = v;
  b.last = v;
  const double total = b.sum + v;
  if (std::isinf(total)) {
    compensation_ = 0;
  } else {
    compensation_ += std::fabs(b.sum) >= std::fabs(v) ? (b.sum - total) + v : (v - total) + b.sum;
  }
  b.sum = total;
}

void RollupFold::finish_sum() {
  if (!buckets_.empty()) buckets_.back().sum += compensation_;
  compensation_ = 0;
}

std::vector<Bucket> RollupFold::take() {
  finish_sum();
  end_ms_ = INT64_MIN;
  return std::exchange(buckets_, {});
}

}  // namespace tidemark::storage
