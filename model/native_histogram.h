// NativeHistogram: a sample that is a whole histogram. Its buckets are given by a rule (the schema) and their places in
// it, so that histograms of different series and times can be added bucket by bucket.
//
//   schema -4 .. 8    Exponential: bucket i holds (base^(i-1), base^i] with base = 2^(2^-schema), so 0 is (1/base, 1].
//                     Negative observations have buckets of their own, mirrored. What is nearer to zero than the zero
//                     threshold, on both sides, counts in the zero bucket.
//   schema -53        Custom: bucket i holds (bounds[i-1], bounds[i]], the last one reaches +Inf. No negative side and
//                     no zero bucket.
//
// Buckets are kept as in Prometheus' formats: runs of neighbouring places ("spans"), and the counts of all of them in
// one list. Counts are absolute. The definition is https://prometheus.io/docs/specs/native_histograms/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "model/status.h"

namespace tidemark {

inline constexpr int32_t kHistogramSchemaMin = -4;
inline constexpr int32_t kHistogramSchemaMax = 8;
inline constexpr int32_t kCustomBuckets = -53;  // The schema.

constexpr bool is_exponential_schema(int32_t schema) {
  return schema >= kHistogramSchemaMin && schema <= kHistogramSchemaMax;
}

struct BucketSpan {
  int32_t offset = 0;  // Places between the end of the span before it and its first; of the first span its first place.
  uint32_t length = 0;  // Buckets in a row. 0 is legal and only adds to the gap.

  friend bool operator==(const BucketSpan&, const BucketSpan&) = default;
};

// The buckets of one side. A bucket that is listed with the count 0 is not the same as one that is not listed.
struct BucketList {
  std::vector<BucketSpan> spans;
  std::vector<double> counts;

  bool empty() const { return counts.empty(); }
  void clear() {
    spans.clear();
    counts.clear();
  }
  // Calls f(place, count) for each bucket from the first on. REQUIRES: as many counts as the spans have places.
  template <class F>
  void for_each(F&& f) const {
    int32_t place = 0;
    size_t i = 0;
    for (const BucketSpan& span : spans) {
      place += span.offset;
      for (uint32_t n = 0; n < span.length; ++n) f(place++, counts[i++]);
    }
  }
};

// What is known about whether the histogram began anew since the sample before it.
enum class CounterReset : uint8_t {
  kUnknown = 0,   // Compare the two to find out.
  kReset = 1,     // It did.
  kNotReset = 2,  // It did not.
  kGauge = 3,     // It may go up and down; the question does not arise.
};

struct NativeHistogram {
  CounterReset reset = CounterReset::kUnknown;
  // All counts are whole numbers by their nature (SampleKind::kHistogram). They are doubles all the same, which are
  // exact up to 2^53 observations; PromQL knows no others.
  bool integer_counts = false;
  int32_t schema = 0;
  double zero_threshold = 0;
  double zero_count = 0;
  double count = 0;  // Of all observations, NaN ones included, which are in no bucket.
  double sum = 0;
  BucketList positive;
  BucketList negative;
  std::vector<double> bounds;  // kCustomBuckets only: rising, without +Inf.

  bool has_custom_buckets() const { return schema == kCustomBuckets; }
  size_t bytes() const;  // Of memory, itself included.
};

// Histograms are immutable once they are made, and shared: by columns, steps and results. Null: none.
using HistogramRef = std::shared_ptr<const NativeHistogram>;

// A histogram at a time.
struct HistogramSample {
  int64_t t_ms = 0;
  HistogramRef histogram;
};

// OK, or kInvalid and in Prometheus' words why it is none. For what comes from outside: everything else here requires
// it.
Status validate(const NativeHistogram& histogram);

// Equal as data: numbers by their bits (NaN equals itself), the same buckets listed. The reset hint does not count, nor
// how gaps are written.
bool same_histogram(const NativeHistogram& a, const NativeHistogram& b);

// Drops empty buckets. Leaves one span for each run of buckets.
void compact(NativeHistogram& histogram);

// The hint that `current` has when it is read from a series in which `previous` (or null) stands before it: kGauge
// stays; kNotReset when it continues `previous`; else kUnknown, even where it is known to be a reset, since a reader
// may see other samples than were there when it was written. As in Prometheus' chunks, where the hint is that of the
// chunk for its first histogram, and kNotReset for the others.
CounterReset hint_as_stored(const NativeHistogram* previous, const NativeHistogram& current);

}  // namespace tidemark
