// The receiver's own metrics.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <array>
#include <string>

#include "aggregator/storage/batch.h"

namespace tidemark::remote {

struct WriteMetrics {
  explicit WriteMetrics(prometheus::Registry& registry);

  void answered(int status) { requests.Add({{"code", std::to_string(status)}}).Increment(); }
  void refused(storage::Outcome outcome, size_t sample_count) {
    refused_by_outcome[static_cast<size_t>(outcome)]->Increment(static_cast<double>(sample_count));
  }

  prometheus::Family<prometheus::Counter>& requests;
  prometheus::Counter& samples;
  prometheus::Counter& received_bytes;
  prometheus::Counter& exemplars_dropped;
  prometheus::Counter& metadata_dropped;
  prometheus::Counter& cache_hits;
  prometheus::Counter& cache_misses;
  prometheus::Gauge& cache_series;
  prometheus::Histogram& seconds;
  std::array<prometheus::Counter*, storage::kOutcomeCount> refused_by_outcome{};  // Null: not a refusal.
};

}  // namespace tidemark::remote
