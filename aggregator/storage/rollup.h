// Rollups: what is kept of a series once its raw samples are gone, bucket by bucket of 5 minutes or an hour.
//
// A bucket holds the samples in (end - resolution, end], open on the left like PromQL's ranges, so that a range that
// begins and ends on multiples of the resolution is made of whole buckets. It never depends on a neighbour: the step
// from one bucket to the next is the difference of one's last and the other's first value. A day is folded by itself:
// a sample exactly at midnight belongs to the bucket that ends there, of which the day before has the rest, so two
// buckets of a series may have the same end; each stands for its own samples.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "aggregator/storage/keys.h"

namespace tidemark::storage {

struct Bucket {
  int64_t first_ms = 0;
  int64_t last_ms = 0;
  // Of the staleness marker that came after the last sample within the bucket; 0: none did. Where there is no sample
  // (count is 0), last_ms is the marker's time, and the values say nothing.
  int64_t stale_ms = 0;
  int64_t count = 0;  // Of samples; staleness markers are none.
  double sum = 0;
  double min = 0;  // NaN only when there is nothing else, as with PromQL's min_over_time.
  double max = 0;
  double first = 0;
  double last = 0;
  // How often a value was less than the one before it, and the sum of the values before: what a counter that is reset
  // has to its credit. The increase within the bucket is last - first + resets_sum.
  int64_t resets = 0;
  double resets_sum = 0;

  // The bucket's end, the same for all of its samples.
  int64_t end_ms(int64_t resolution_ms) const;
  // Whether what it stands for reaches into the range; bounds are inclusive.
  bool overlaps(int64_t min_ms, int64_t max_ms) const {
    return first_ms <= max_ms && (stale_ms > last_ms ? stale_ms : last_ms) >= min_ms;
  }
};

// The same of buckets of a finer tier, by rising last_ms: what folding their samples would give, but for the rounding
// of sums. REQUIRES: the tier's resolution is a multiple of theirs.
std::vector<Bucket> fold_buckets(std::span<const Bucket> finer, Tier tier);

// Folds one series' samples, which come in rising order.
class RollupFold {
 public:
  explicit RollupFold(Tier tier) : resolution_ms_(resolution_ms(tier)) {}

  void add(std::span<const int64_t> t_ms, std::span<const double> v);
  // All buckets since the last call.
  std::vector<Bucket> take();

 private:
  void add_one(int64_t t_ms, double v);
  void finish_sum();

  const int64_t resolution_ms_;
  std::vector<Bucket> buckets_;
  int64_t end_ms_ = INT64_MIN;  // Of the bucket at the back.
  double compensation_ = 0;     // What rounding has taken from its sum.
};

}  // namespace tidemark::storage
