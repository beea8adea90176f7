// Plan of packed integers: how a column of integers is best cut into segments, and how each is coded (packed_ints.h).
//
// One pass takes, for each block, the extremes of numbers, differences and differences of differences, and the sums of
// a least-squares line; all but the line's residuals follow from these for any run of blocks. A run is then tried
// whole, and in halves where its blocks alone could do noticeably better. Residuals are looked at singly only where a
// few lie far from all others: those become patches.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "aggregator/storage/packed_ints.h"

namespace tidemark::storage {

struct PlannedSegment {
  IntSegment segment;
  size_t begin = 0;      // In the column.
  bool patched = false;  // Residuals above packing_max() are patches.
};

// REQUIRES: not empty. The segments in order, none empty.
std::vector<PlannedSegment> plan_ints(std::span<const int64_t> numbers);

}  // namespace tidemark::storage
