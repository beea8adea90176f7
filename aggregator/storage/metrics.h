// The store's own metrics, tidemark_storage_*.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <array>

#include "aggregator/storage/batch.h"

namespace tidemark::storage {

// Why the store takes no samples. What stands last is told first.
enum class ReadOnlyReason { kFailedWrite, kDiskFull, kDamaged };
inline constexpr size_t kReadOnlyReasonCount = 3;
std::string_view read_only_reason_name(ReadOnlyReason reason);

struct Metrics {
  explicit Metrics(prometheus::Registry& registry);

  prometheus::Counter& commits;
  prometheus::Counter& commit_failures;
  prometheus::Counter& samples;  // Accepted.
  prometheus::Counter& duplicates;
  prometheus::Counter& overwrites;
  prometheus::Counter& late_samples;                        // That had to be looked for in files.
  std::array<prometheus::Counter*, kOutcomeCount> refused;  // By reason; null where the outcome is no refusal.
  prometheus::Gauge& series;
  prometheus::Counter& series_created;
  prometheus::Counter& series_returned;
  prometheus::Counter& series_evicted;
  prometheus::Gauge& series_ids_left;
  prometheus::Gauge& head_bytes;
  prometheus::Gauge& log_bytes;
  prometheus::Gauge& queriers;
  prometheus::Counter& chunk_seeks;  // One a series and window that a query reads from files.
  prometheus::Counter& log_stalls;   // Commits that waited for a checkpoint.
  prometheus::Counter& sync_stalls;  // Commits that waited for the disk.
  prometheus::Histogram& sync_seconds;
  prometheus::Counter& checkpoints;
  prometheus::Counter& checkpoint_failures;
  prometheus::Histogram& checkpoint_seconds;
  prometheus::Counter& chunks_sealed;
  prometheus::Counter& deletes;
  prometheus::Counter& deletes_refused;
  prometheus::Gauge& tombstones;
  prometheus::Counter& windows_dropped;
  prometheus::Counter& retention_series;  // Dropped by matcher, once a day and tier.
  prometheus::Counter& retention_failures;
  prometheus::Counter& rewrite_rounds;   // Times all closed windows were looked at and nothing was left to do.
  prometheus::Counter& rewrite_windows;  // Closed windows gone through from the first series to the last.
  prometheus::Counter& rewrite_series;   // Series whose chunks were replaced.
  prometheus::Counter& rewrite_chunks_before;
  prometheus::Counter& rewrite_chunks_after;
  prometheus::Counter& rewrite_failures;
  prometheus::Histogram& rewrite_seconds;              // One piece.
  std::array<prometheus::Counter*, 2> rollup_buckets;  // Folded, by tier: 5m, 1h.
  std::array<prometheus::Counter*, 2> rollup_bytes;    // Of chunks written.
  std::array<prometheus::Counter*, 2> rollup_buckets_deleted;
  prometheus::Gauge& rewrite_days_due;  // Closed days with work to do.
  prometheus::Counter& rollup_selects;  // Selects answered from rollups, wholly or in part.
  prometheus::Counter& corruptions;     // Pieces that did not read and were skipped.
  prometheus::Gauge& replay_seconds;
  prometheus::Gauge& replayed_records;
  prometheus::Gauge& read_only;
  std::array<prometheus::Gauge*, kReadOnlyReasonCount> read_only_reason;
  prometheus::Counter& reopens;  // Of RocksDB, after a failed write or when the disk has space again.
  prometheus::Counter& reopen_failures;
  prometheus::Gauge& disk_free_bytes;
  prometheus::Gauge& reserve_bytes;
};

}  // namespace tidemark::storage
