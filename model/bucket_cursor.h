// BucketCursor: walks a BucketList one bucket at a time, for merges. Where one list is enough, for_each() is.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/native_histogram.h"

namespace tidemark {

// The list must stay as it is. REQUIRES: as many counts as the spans have places.
class BucketCursor {
 public:
  explicit BucketCursor(const BucketList& list) : list_(list) { find(); }

  bool done() const { return span_ == list_.spans.size(); }
  // REQUIRES for all below: not done.
  int32_t place() const { return place_; }
  double count() const { return list_.counts[index_]; }
  size_t index() const { return index_; }
  void next() {
    ++place_;
    ++in_span_;
    ++index_;
    if (in_span_ < list_.spans[span_].length) return;
    ++span_;
    find();
  }

 private:
  void find() {
    in_span_ = 0;
    for (; span_ < list_.spans.size(); ++span_) {
      place_ += list_.spans[span_].offset;
      if (list_.spans[span_].length > 0) return;
    }
  }

  const BucketList& list_;
  size_t span_ = 0;
  uint32_t in_span_ = 0;
  size_t index_ = 0;
  int32_t place_ = 0;
};

}  // namespace tidemark
