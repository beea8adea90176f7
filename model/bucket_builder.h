// BucketBuilder: makes a BucketList from buckets in rising order, one span for each run of neighbours.
#pragma once

#include <cstdint>
#include <utility>

#include "model/native_histogram.h"

namespace tidemark {

class BucketBuilder {
 public:
  BucketBuilder() = default;
  explicit BucketBuilder(size_t expected) { list_.counts.reserve(expected); }

  // REQUIRES: place is greater than in the call before.
  void append(int32_t place, double count) {
    if (list_.spans.empty() || place != next_) {
      list_.spans.push_back({list_.spans.empty() ? place : place - next_, 1});
    } else {
      ++list_.spans.back().length;
    }
    list_.counts.push_back(count);
    next_ = place + 1;
  }

  bool empty() const { return list_.counts.empty(); }
  // Of the last bucket. REQUIRES: not empty.
  int32_t last_place() const { return next_ - 1; }
  double& last_count() { return list_.counts.back(); }

  BucketList take() { return std::exchange(list_, BucketList()); }

 private:
  BucketList list_;
  int32_t next_ = 0;  // The place behind the last bucket.
};

}  // namespace tidemark
