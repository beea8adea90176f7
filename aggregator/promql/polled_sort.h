// Sorting that ends with its query: a million series by their labels take seconds, and neither the deadline nor a kill
// waits for them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>

#include "aggregator/promql/context.h"
#include "model/status.h"

namespace tidemark::promql {

// Some hundred microseconds' worth.
inline constexpr size_t kComparisonsAPoll = 4096;

// Runs `sort(less)`, with a `less` that asks context.poll() now and then. After a failure what was being sorted holds
// its elements no more. REQUIRES: neither function throws.
template <class Less, class Sort>
Status polled(const QueryContext& context, Less less, Sort sort) {
  struct Ended {
    Status why;
  };
  size_t comparisons = 0;
  const auto polling_less = [&](const auto& a, const auto& b) {
    if (++comparisons % kComparisonsAPoll == 0) {
      if (Status status = context.poll(); !status.ok()) throw Ended{std::move(status)};
    }
    return less(a, b);
  };
  try {
    sort(polling_less);
  } catch (Ended& ended) {  // The only way out of a standard algorithm.
    return std::move(ended.why);
  }
  return {};
}

template <class Container, class Less>
Status polled_stable_sort(const QueryContext& context, Container& all, Less less) {
  return polled(context, less, [&](const auto& polling) { std::stable_sort(all.begin(), all.end(), polling); });
}

}  // namespace tidemark::promql
