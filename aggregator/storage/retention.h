// Retention: drops whole windows, each tier's by time, the raw tier's by size too. Of single series see
// series_retention.h.
//
// Where rollups are wanted that outlive raw samples, a raw day is not dropped before it has been folded, with all that
// came late. A tier that is not wanted any more is kept as long as raw samples are.
//
//   persist "nothing before this is kept" (it never moves back, so nothing revives what is dropped)
//   ->  wait, in later passes, until nobody reads who began before
//   ->  remove records of series that neither a remaining window nor the head holds
//   ->  drop the windows' chunks and postings: whole files, then what is left in files that straddle
//
// A crash anywhere leaves work that the next pass does again.
#pragma once

#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "aggregator/storage/head.h"
#include "aggregator/storage/metrics.h"
#include "aggregator/storage/retention_settings.h"
#include "aggregator/storage/series_records.h"
#include "aggregator/storage/tombstones.h"
#include "aggregator/storage/window_index.h"

namespace tidemark::storage {

class Retention {
 public:
  // `ingest_dir`: its own.
  Retention(Head& head, Rocks& rocks, SeriesRecords& records, Tombstones& tombstones, Metrics& metrics, Logger& logger,
            std::string ingest_dir)
      : head_(head),
        rocks_(rocks),
        records_(records),
        tombstones_(tombstones),
        metrics_(metrics),
        logger_(logger),
        ingest_dir_(std::move(ingest_dir)) {}

  using Limits = RetentionLimits;

  // Drops windows that end before now less the tier's limit, then the oldest raw ones until the files take at most
  // `bytes`; the newest raw window always stays. One at a time.
  Status run(int64_t now_ms, const Limits& limits);
  // The last run left something to drop, because somebody may be reading it.
  bool waiting() const { return waiting_; }

 private:
  // What is to become of a tier's windows.
  struct Cut {
    Tier tier;
    Window first_kept;
    std::vector<Window> dropped;
    std::vector<Window> kept;
  };

  Result<Cut> cut_raw(int64_t now_ms, const Limits& limits);
  Result<Cut> cut_rollup(Tier tier, Window newest, int64_t now_ms, const Limits& limits);
  Result<Window> first_not_folded(const std::vector<Window>& windows, Window first_kept, int64_t now_ms,
                                  const Limits& limits);
  // Nobody begins to read what is cut from here on.
  Status announce(const std::vector<Cut>& cuts);
  Status drop(const std::vector<Cut>& cuts);
  Status raise_oldest_kept(Window first_kept);
  // `ids`: series of the windows; `lost`: series that had something there.
  Status unite(const Cut& cut, const std::vector<Window>& windows, Roaring& ids, Roaring& lost);
  Status remove_records(const Roaring& ids);
  Status drop_range(Family family, const Cut& cut);
  Window first_kept_by_size(const std::vector<Window>& windows, Window first_kept, uint64_t retention_bytes);

  Head& head_;
  Rocks& rocks_;
  SeriesRecords& records_;
  Tombstones& tombstones_;
  Metrics& metrics_;
  Logger& logger_;
  const std::string ingest_dir_;
  std::vector<Window> announced_;  // The first windows kept, by tier.
  bool waiting_ = false;
};

}  // namespace tidemark::storage
