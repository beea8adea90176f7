// What start timestamps say about counters. A sample's start timestamp is the time at which its counter was 0: for a
// cumulative one since when it counts, for a delta the time of the sample before.
#pragma once

#include <cstddef>

#include "aggregator/promql/range_functions.h"

namespace tidemark::promql {

// Whether the counter began anew between sample i - 1 and sample i. A start behind or at its own sample is no start
// (OpenTelemetry writes the latter when it does not know). One at the sample before is that of a delta, unless that
// sample does not say either when it started. REQUIRES: i > 0.
inline bool restarted(const Samples& s, size_t i) {
  if (s.start_ms.empty()) return false;
  const int64_t start_ms = s.start_ms[i];
  const int64_t before_ms = s.t_ms[i - 1];
  if (start_ms == kNoStart || start_ms >= s.t_ms[i] || start_ms < before_ms) return false;
  if (start_ms > before_ms) return true;
  return s.start_ms[i - 1] != kNoStart && s.start_ms[i - 1] < before_ms;
}

// Whether sample i claims to have started before the sample before it, and at another time than that one: data that
// contradicts itself. REQUIRES: i > 0.
inline bool starts_overlap(const Samples& s, size_t i) {
  return !s.start_ms.empty() && s.start_ms[i] != kNoStart && s.start_ms[i] < s.t_ms[i - 1] &&
         s.start_ms[i] != s.start_ms[i - 1];
}

}  // namespace tidemark::promql
