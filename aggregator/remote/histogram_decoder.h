// A native histogram as remote write sends it, 1.0 and 2.0 alike.
//
//   Histogram   1: uint64 count | 2: double count   3: double sum   4: sint32 schema   5: double zero_threshold
//               6: uint64 zero_count | 7: double zero_count
//               8: repeated BucketSpan negative   9: repeated sint64 negative deltas   10: repeated double counts
//               11: repeated BucketSpan positive  12: repeated sint64 positive deltas  13: repeated double counts
//               14: ResetHint (0 unknown, 1 yes, 2 no, 3 gauge)   15: int64 timestamp (ms)   16: repeated double bounds
//               17: int64 start timestamp (ms), 0 for none; 2.0 only
//   BucketSpan  1: sint32 offset   2: uint32 length
//
// A histogram of whole counts has deltas: each bucket less the one before it.
#pragma once

#include <optional>
#include <string_view>

#include "model/native_histogram.h"
#include "model/sample.h"

namespace tidemark::remote {

struct SentHistogram {
  int64_t t_ms = 0;
  int64_t start_ms = kNoStart;
  HistogramRef histogram;
};

// A resolution beyond the finest we have, which others use and Prometheus takes, is reduced to that.
//
// Nothing when it has more buckets, spans or bounds than `buckets_max`. Not validated otherwise: that is the store's.
// Throws what protozero throws where the bytes are malformed.
std::optional<SentHistogram> read_histogram(std::string_view message, size_t buckets_max);

}  // namespace tidemark::remote
