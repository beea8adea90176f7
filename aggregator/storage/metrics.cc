#include "aggregator/storage/metrics.h"

#include <string>

namespace tidemark::storage {
namespace {

prometheus::Counter& counter(prometheus::Registry& registry, const char* name, const char* help,
                             const prometheus::Labels& labels = {}) {
  return prometheus::BuildCounter()
      .Name(std::string("tidemark_storage_") + name)
      .Help(help)
      .Register(registry)
      .Add(labels);
}

prometheus::Gauge& gauge(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(std::string("tidemark_storage_") + name).Help(help).Register(registry).Add({});
}

prometheus::Histogram& seconds(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildHistogram()
      .Name(std::string("tidemark_storage_") + name)
      .Help(help)
      .Register(registry)
      .Add({}, prometheus::Histogram::BucketBoundaries{0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30});
}

std::array<prometheus::Counter*, kOutcomeCount> refusals(prometheus::Registry& registry) {
  std::array<prometheus::Counter*, kOutcomeCount> out{};
  for (size_t i = static_cast<size_t>(Outcome::kOutOfOrder); i < kOutcomeCount; ++i) {
    out[i] = &counter(registry, "samples_refused_total", "Samples that were not stored, by reason.",
                      {{"reason", std::string(outcome_name(static_cast<Outcome>(i)))}});
  }
  return out;
}

std::array<prometheus::Counter*, 2> by_tier(prometheus::Registry& registry, const char* name, const char* help) {
  return {&counter(registry, name, help, {{"tier", "5m"}}), &counter(registry, name, help, {{"tier", "1h"}})};
}

std::array<prometheus::Gauge*, kReadOnlyReasonCount> read_only_reasons(prometheus::Registry& registry) {
  std::array<prometheus::Gauge*, kReadOnlyReasonCount> out{};
  auto& family = prometheus::BuildGauge()
                     .Name("tidemark_storage_read_only_reason")
                     .Help("1 while the store takes no samples for this reason.")
                     .Register(registry);
  for (size_t i = 0; i < kReadOnlyReasonCount; ++i) {
    out[i] = &family.Add({{"reason", std::string(read_only_reason_name(static_cast<ReadOnlyReason>(i)))}});
  }
  return out;
}

}  // namespace

std::string_view read_only_reason_name(ReadOnlyReason reason) {
  switch (reason) {
    case ReadOnlyReason::kFailedWrite:
      return "failed_write";
    case ReadOnlyReason::kDiskFull:
      return "disk_full";
    case ReadOnlyReason::kDamaged:
      return "damaged";
  }
  return "";
}

Metrics::Metrics(prometheus::Registry& registry)
    : commits(counter(registry, "commits_total", "Batches committed.")),
      commit_failures(counter(registry, "commit_failures_total", "Batches of which nothing was stored.")),
      samples(counter(registry, "samples_appended_total", "Samples stored.")),
      duplicates(counter(registry, "samples_duplicate_total", "Samples that were there already.")),
      overwrites(counter(registry, "samples_overwrote_total", "Samples accepted in place of another value.")),
      late_samples(counter(registry, "samples_late_total", "Samples that were looked for in files.")),
      refused(refusals(registry)),
      series(gauge(registry, "series", "Active series: those in memory.")),
      series_created(counter(registry, "series_created_total", "Series seen for the first time.")),
      series_returned(counter(registry, "series_returned_total", "Series that came back to memory from disk.")),
      series_evicted(counter(registry, "series_evicted_total", "Series that left memory after being idle.")),
      series_ids_left(gauge(registry, "series_ids_left", "Series that can still be created in this data directory.")),
      head_bytes(gauge(registry, "head_bytes", "Bytes of samples in memory.")),
      log_bytes(gauge(registry, "log_bytes", "Bytes of the log that a restart would replay.")),
      queriers(gauge(registry, "queriers", "Queriers that are open.")),
      chunk_seeks(counter(registry, "chunk_seeks_total", "Times a query looked for chunks of one series in one day.")),
      log_stalls(counter(registry, "stalls_total", "Commits that had to wait, by cause.", {{"cause", "log"}})),
      sync_stalls(counter(registry, "stalls_total", "Commits that had to wait, by cause.", {{"cause", "sync"}})),
      sync_seconds(seconds(registry, "sync_duration_seconds", "Time a sync of the log took.")),
      checkpoints(counter(registry, "checkpoints_total", "Checkpoints of the head done.")),
      checkpoint_failures(counter(registry, "checkpoint_failures_total", "Checkpoints of the head that failed.")),
      checkpoint_seconds(seconds(registry, "checkpoint_duration_seconds", "Time a checkpoint of the head took.")),
      chunks_sealed(counter(registry, "chunks_sealed_total", "Chunks written to files.")),
      deletes(counter(registry, "deletes_total", "Deletes done, of retention by matcher too.")),
      deletes_refused(counter(registry, "deletes_refused_total", "Deletes refused: there were too many tombstones.")),
      tombstones(gauge(registry, "tombstones", "Deletes, by day, that a rewrite has not taken out of files yet.")),
      windows_dropped(counter(registry, "windows_dropped_total", "Days dropped by retention.")),
      retention_series(counter(registry, "retention_series_dropped_total",
                               "Series, by day and tier, that retention by matcher dropped.")),
      retention_failures(counter(registry, "retention_failures_total", "Retention runs that failed.")),
      rewrite_rounds(counter(registry, "rewrite_rounds_total", "Times all closed days were looked at and done.")),
      rewrite_windows(counter(registry, "rewrite_windows_total", "Closed days whose chunks were all looked at.")),
      rewrite_series(counter(registry, "rewrite_series_total", "Series of a closed day whose chunks were replaced.")),
      rewrite_chunks_before(counter(registry, "rewrite_chunks_replaced_total", "Chunks replaced by fuller ones.")),
      rewrite_chunks_after(counter(registry, "rewrite_chunks_written_total", "Chunks written in place of others.")),
      rewrite_failures(counter(registry, "rewrite_failures_total", "Rewrites of a closed day that failed.")),
      rewrite_seconds(seconds(registry, "rewrite_piece_duration_seconds", "Time one piece of a rewrite took.")),
      rollup_buckets(by_tier(registry, "rollup_buckets_total", "Buckets folded from samples.")),
      rollup_bytes(by_tier(registry, "rollup_bytes_total", "Bytes of rollup chunks written, rewritten ones again.")),
      rollup_buckets_deleted(
          by_tier(registry, "rollup_buckets_deleted_total", "Buckets deleted that had no samples behind them.")),
      rewrite_days_due(
          gauge(registry, "rewrite_days_due", "Closed days that wait to be gone through, for their rollups too.")),
      rollup_selects(counter(registry, "rollup_selects_total", "Selects that read rollups.")),
      corruptions(counter(registry, "corruptions_total", "Stored pieces that did not read and were skipped.")),
      replay_seconds(gauge(registry, "replay_duration_seconds", "Time the last start took to load and replay.")),
      replayed_records(gauge(registry, "replayed_records", "Log records the last start replayed.")),
      read_only(gauge(registry, "read_only", "1 while the store takes no samples.")),
      read_only_reason(read_only_reasons(registry)),
      reopens(counter(registry, "reopens_total", "Times the store opened its files again by itself.")),
      reopen_failures(counter(registry, "reopen_failures_total", "Times it could not.")),
      disk_free_bytes(gauge(registry, "disk_free_bytes", "Bytes left in the file system of the data directory.")),
      reserve_bytes(gauge(registry, "reserve_bytes", "Bytes kept for when the disk is full.")) {}

}  // namespace tidemark::storage
