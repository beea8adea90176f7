#include "aggregator/storage/metrics.h"

#include <string>

#include "aggregator/storage/metric_builders.h"

namespace tidemark::storage {
namespace {

prometheus::Histogram& seconds(prometheus::Registry& registry, const char* name, const char* help) {
  return add_histogram(registry, name, help, {0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30});
}

std::array<prometheus::Counter*, kOutcomeCount> refusals(prometheus::Registry& registry) {
  std::array<prometheus::Counter*, kOutcomeCount> out{};
  for (size_t i = static_cast<size_t>(Outcome::kOutOfOrder); i < kOutcomeCount; ++i) {
    out[i] = &add_counter(registry, "samples_refused_total", "Samples that were not stored, by reason.",
                          {{"reason", std::string(outcome_name(static_cast<Outcome>(i)))}});
  }
  return out;
}

std::array<prometheus::Counter*, 2> by_tier(prometheus::Registry& registry, const char* name, const char* help) {
  return {&add_counter(registry, name, help, {{"tier", "5m"}}), &add_counter(registry, name, help, {{"tier", "1h"}})};
}

std::array<prometheus::Gauge*, kReadOnlyReasonCount> read_only_reasons(prometheus::Registry& registry) {
  std::array<prometheus::Gauge*, kReadOnlyReasonCount> out{};
  for (size_t i = 0; i < kReadOnlyReasonCount; ++i) {
    out[i] = &add_gauge(registry, "read_only_reason", "1 while the store takes no samples for this reason.",
                        {{"reason", std::string(read_only_reason_name(static_cast<ReadOnlyReason>(i)))}});
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
    : commits(add_counter(registry, "commits_total", "Batches committed.")),
      commit_failures(add_counter(registry, "commit_failures_total", "Batches of which nothing was stored.")),
      samples(add_counter(registry, "samples_appended_total", "Samples stored.")),
      duplicates(add_counter(registry, "samples_duplicate_total", "Samples that were there already.")),
      overwrites(add_counter(registry, "samples_overwrote_total", "Samples accepted in place of another value.")),
      late_samples(add_counter(registry, "samples_late_total", "Samples that were looked for in files.")),
      refused(refusals(registry)),
      series(add_gauge(registry, "series", "Active series: those in memory.")),
      series_created(add_counter(registry, "series_created_total", "Series seen for the first time.")),
      series_returned(add_counter(registry, "series_returned_total", "Series that came back to memory from disk.")),
      series_evicted(add_counter(registry, "series_evicted_total", "Series that left memory after being idle.")),
      series_ids_left(
          add_gauge(registry, "series_ids_left", "Series that can still be created in this data directory.")),
      head_bytes(add_gauge(registry, "head_bytes", "Bytes of samples in memory.")),
      log_bytes(add_gauge(registry, "log_bytes", "Bytes of the log that a restart would replay.")),
      queriers(add_gauge(registry, "queriers", "Queriers that are open.")),
      chunk_seeks(
          add_counter(registry, "chunk_seeks_total", "Times a query looked for chunks of one series in one day.")),
      log_stalls(add_counter(registry, "stalls_total", "Commits that had to wait, by cause.", {{"cause", "log"}})),
      sync_stalls(add_counter(registry, "stalls_total", "Commits that had to wait, by cause.", {{"cause", "sync"}})),
      sync_seconds(seconds(registry, "sync_duration_seconds", "Time a sync of the log took.")),
      checkpoints(add_counter(registry, "checkpoints_total", "Checkpoints of the head done.")),
      checkpoint_failures(add_counter(registry, "checkpoint_failures_total", "Checkpoints of the head that failed.")),
      checkpoint_seconds(seconds(registry, "checkpoint_duration_seconds", "Time a checkpoint of the head took.")),
      chunks_sealed(add_counter(registry, "chunks_sealed_total", "Chunks written to files.")),
      deletes(add_counter(registry, "deletes_total", "Deletes done, of retention by matcher too.")),
      deletes_refused(
          add_counter(registry, "deletes_refused_total", "Deletes refused: there were too many tombstones.")),
      tombstones(add_gauge(registry, "tombstones", "Deletes, by day, that a rewrite has not taken out of files yet.")),
      windows_dropped(add_counter(registry, "windows_dropped_total", "Days dropped by retention.")),
      retention_series(add_counter(registry, "retention_series_dropped_total",
                                   "Series, by day and tier, that retention by matcher dropped.")),
      retention_failures(add_counter(registry, "retention_failures_total", "Retention runs that failed.")),
      rewrite_rounds(add_counter(registry, "rewrite_rounds_total", "Times all closed days were looked at and done.")),
      rewrite_windows(add_counter(registry, "rewrite_windows_total", "Closed days whose chunks were all looked at.")),
      rewrite_series(
          add_counter(registry, "rewrite_series_total", "Series of a closed day whose chunks were replaced.")),
      rewrite_chunks_before(add_counter(registry, "rewrite_chunks_replaced_total", "Chunks replaced by fuller ones.")),
      rewrite_chunks_after(add_counter(registry, "rewrite_chunks_written_total", "Chunks written in place of others.")),
      rewrite_failures(add_counter(registry, "rewrite_failures_total", "Rewrites of a closed day that failed.")),
      rewrite_seconds(seconds(registry, "rewrite_piece_duration_seconds", "Time one piece of a rewrite took.")),
      rollup_buckets(by_tier(registry, "rollup_buckets_total", "Buckets folded from samples.")),
      rollup_bytes(by_tier(registry, "rollup_bytes_total", "Bytes of rollup chunks written, rewritten ones again.")),
      rollup_buckets_deleted(
          by_tier(registry, "rollup_buckets_deleted_total", "Buckets deleted that had no samples behind them.")),
      rewrite_days_due(
          add_gauge(registry, "rewrite_days_due", "Closed days that wait to be gone through, for their rollups too.")),
      rollup_selects(add_counter(registry, "rollup_selects_total", "Selects that read rollups.")),
      corruptions(add_counter(registry, "corruptions_total", "Stored pieces that did not read and were skipped.")),
      replay_seconds(add_gauge(registry, "replay_duration_seconds", "Time the last start took to load and replay.")),
      replayed_records(add_gauge(registry, "replayed_records", "Log records the last start replayed.")),
      read_only(add_gauge(registry, "read_only", "1 while the store takes no samples.")),
      read_only_reason(read_only_reasons(registry)),
      reopens(add_counter(registry, "reopens_total", "Times the store opened its files again by itself.")),
      reopen_failures(add_counter(registry, "reopen_failures_total", "Times it could not.")),
      disk_free_bytes(add_gauge(registry, "disk_free_bytes", "Bytes left in the file system of the data directory.")),
      reserve_bytes(add_gauge(registry, "reserve_bytes", "Bytes kept for when the disk is full.")) {}

}  // namespace tidemark::storage
