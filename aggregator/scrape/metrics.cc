#include "aggregator/scrape/metrics.h"

namespace tidemark::scrape {
namespace {

prometheus::Counter& counter(prometheus::Registry& registry, const char* name, const char* help,
                             const prometheus::Labels& labels = {}) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add(labels);
}

prometheus::Gauge& gauge(prometheus::Registry& registry, const char* name, const char* help,
                         const prometheus::Labels& labels = {}) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add(labels);
}

}  // namespace

Metrics::Metrics(prometheus::Registry& registry)
    : scrapes(counter(registry, "tidemark_scrape_scrapes_total", "Scrapes that were run.")),
      start_delay_seconds(prometheus::BuildHistogram()
                              .Name("tidemark_scrape_start_delay_seconds")
                              .Help("How long after it was due a scrape was started.")
                              .Register(registry)
                              .Add({}, prometheus::Histogram::BucketBoundaries{0.001, 0.01, 0.1, 1, 10})),
      samples(counter(registry, "tidemark_scrape_samples_total",
                      "Samples that scrapes have stored, report series and staleness markers included.")),
      duplicates(counter(registry, "tidemark_scrape_duplicate_samples_total",
                         "Samples of a series that its page had shown before; the first one counts.")),
      commit_failures(counter(registry, "tidemark_scrape_commit_failures_total",
                              "Scrapes of which the store took nothing because it could not write.")),
      cache_flushes(counter(registry, "tidemark_scrape_cache_flushes_forced_total",
                            "Series caches cut down because a failing target kept changing its series.")),
      cached_series(gauge(registry, "tidemark_scrape_cached_series", "Series in the caches of all targets.")),
      queue_length(gauge(registry, "tidemark_scrape_queue_length", "Scrapes that are due and wait for a worker.")),
      workers(gauge(registry, "tidemark_scrape_workers", "Threads that scrape.")),
      dropped_targets(gauge(registry, "tidemark_scrape_dropped_targets",
                            "Targets that relabelling dropped, or that are no valid targets.")) {
  for (const TargetHealth health : {TargetHealth::kUnknown, TargetHealth::kUp, TargetHealth::kDown}) {
    targets_by_health[static_cast<size_t>(health)] =
        &gauge(registry, "tidemark_scrape_targets", "Active targets by their health.",
               {{"health", std::string(target_health_name(health))}});
  }
  for (size_t i = 0; i < kScrapeFailureCount; ++i) {
    failures_by_reason[i] =
        &counter(registry, "tidemark_scrape_failures_total", "Scrapes that came to nothing, by reason.",
                 {{"reason", std::string(scrape_failure_name(static_cast<ScrapeFailure>(i)))}});
  }
  constexpr std::array<const char*, kSkipReasonCount> kSkipNames{"running", "queued", "queue_full", "late"};
  for (size_t i = 0; i < kSkipReasonCount; ++i) {
    skipped_by_reason[i] = &counter(
        registry, "tidemark_scrape_skipped_total",
        "Due scrapes that were not run: the one before was still running or queued, the queue was full, or the "
        "scheduler came a whole interval late.",
        {{"reason", kSkipNames[i]}});
  }
  for (size_t i = static_cast<size_t>(storage::Outcome::kOutOfOrder); i < storage::kOutcomeCount; ++i) {
    refused_by_outcome[i] = &counter(
        registry, "tidemark_scrape_samples_refused_total", "Scraped samples that the store refused, by reason.",
        {{"reason", std::string(storage::outcome_name(static_cast<storage::Outcome>(i)))}});
  }
}

void Metrics::count_report(const storage::CommitReport& report) {
  samples.Increment(static_cast<double>(report.accepted()));
  for (size_t i = 0; i < storage::kOutcomeCount; ++i) {
    if (refused_by_outcome[i] != nullptr && report.count[i] > 0 &&
        static_cast<storage::Outcome>(i) != storage::Outcome::kUnknownRef) {
      refused_by_outcome[i]->Increment(static_cast<double>(report.count[i]));
    }
  }
}

void Metrics::move_target(TargetHealth from, TargetHealth to) {
  if (from == to) return;
  targets(from).Decrement();
  targets(to).Increment();
}

}  // namespace tidemark::scrape
