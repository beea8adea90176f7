// RollupWriter: what one piece of the work on a closed day (window_rewrite.h) adds to the rollup tiers.
//
// A series' chunk in a tier's window is replaced as a whole: its buckets of the day by what the day's samples give, the
// others, of the window's other days, as they are. The tier's postings are those of the raw day: all of them with the
// day's first piece, later those of series that came since. Series of which nothing is left in the window, as they were
// deleted, go from its postings. These may name a series without buckets, never miss one. Where the raw day's postings
// do not read, each piece posts its own series, by their records.
#pragma once

#include <functional>
#include <map>
#include <roaring/roaring.hh>
#include <span>
#include <string>
#include <vector>

#include "aggregator/storage/chunk_merge.h"
#include "aggregator/storage/ingest.h"
#include "aggregator/storage/metrics.h"
#include "aggregator/storage/rollup.h"
#include "model/status.h"

namespace tidemark::storage {

// A set of rollup tiers, as bits.
constexpr uint64_t tier_bit(Tier tier) { return uint64_t{1} << static_cast<unsigned>(tier); }

class RollupWriter {
 public:
  RollupWriter(Rocks& rocks, Metrics& metrics, Window day, uint64_t tiers)
      : rocks_(rocks), metrics_(metrics), day_(day), tiers_(tiers) {}

  // Folds the day's samples of a series. Returns how many there were. REQUIRES: ids rise from call to call.
  Result<size_t> fold(SeriesId id, ChunkMerge& samples);

  // Writes what was folded, in files of its own. `first_piece`: of the day.
  Status write(Ingest& ingest, bool first_piece);

 private:
  struct Entry {
    std::string key;
    std::string value;  // Empty: delete.
  };

  Status add(Tier tier, SeriesId id, std::vector<Bucket> of_day);
  Result<std::vector<Bucket>> other_days(Tier tier, Window window, SeriesId id);
  Status write_postings(Ingest& ingest, Tier tier, bool all);
  // Goes through all keys of the raw day's postings that a tier has, too.
  Status each_raw(const std::function<Status(const rocksdb::Iterator&)>& visit) const;
  Status write_posted_by_records(Ingest& ingest, const std::map<std::string, Roaring>& added,
                                 const std::map<std::string, Roaring>& removed);
  // Series of ids_ that the tier's window does not name yet.
  Result<Roaring> not_posted(Tier tier) const;

  Rocks& rocks_;
  Metrics& metrics_;
  const Window day_;
  const uint64_t tiers_;
  std::vector<Entry> entries_[2];  // By rollup tier, in order.
  Roaring ids_;
  Roaring emptied_[2];  // By rollup tier: series without a bucket in its window.
};

}  // namespace tidemark::storage
