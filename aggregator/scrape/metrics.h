// The scraper's own metrics, registered once. Thread-safe, as prometheus-cpp's are.
#pragma once

#include <array>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include "aggregator/scrape/fetcher.h"
#include "aggregator/scrape/targets.h"
#include "aggregator/storage/batch.h"

namespace tidemark::scrape {

// Why a due scrape was not run; the `reason` label of tidemark_scrape_skipped_total.
enum class SkipReason { kRunning, kQueued, kQueueFull, kLate };
inline constexpr size_t kSkipReasonCount = 4;

struct Metrics {
  explicit Metrics(prometheus::Registry& registry);

  void count_report(const storage::CommitReport& report);
  void move_target(TargetHealth from, TargetHealth to);
  prometheus::Gauge& targets(TargetHealth health) { return *targets_by_health[static_cast<size_t>(health)]; }
  prometheus::Counter& failures(ScrapeFailure failure) { return *failures_by_reason[static_cast<size_t>(failure)]; }
  prometheus::Counter& skipped(SkipReason reason) { return *skipped_by_reason[static_cast<size_t>(reason)]; }

  prometheus::Counter& scrapes;
  prometheus::Histogram& start_delay_seconds;  // From due to started.
  prometheus::Counter& samples;                // Stored, report series and markers included.
  prometheus::Counter& duplicates;             // Series that an exposition shows twice.
  prometheus::Counter& commit_failures;        // Scrapes that the store took nothing of.
  prometheus::Counter& cache_flushes;
  prometheus::Gauge& cached_series;
  prometheus::Gauge& queue_length;
  prometheus::Gauge& workers;
  prometheus::Gauge& dropped_targets;
  std::array<prometheus::Gauge*, 3> targets_by_health{};
  std::array<prometheus::Counter*, kScrapeFailureCount> failures_by_reason{};
  std::array<prometheus::Counter*, kSkipReasonCount> skipped_by_reason{};
  std::array<prometheus::Counter*, storage::kOutcomeCount> refused_by_outcome{};
};

}  // namespace tidemark::scrape
