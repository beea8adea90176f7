// Tombstones: what deletes took away from samples that are in files, until a rewrite (window_rewrite.h) has taken it
// out of the files as well.
//
// A delete is a commit: it has a position p, and nothing else is under way when it takes it. In the head it removes
// samples; for each raw window that has series of its in files it leaves a tombstone, in the write that puts it into
// the log:
//
//   key    among the window's postings, so that it goes with the window: see keys.h
//   value  signed varint(first ms) | varint(last - first) | bitmap of series (postings.h) | checksum:4 (as in chunk.h)
//
// It covers the samples of these series in [first, last] in chunks whose version is below p: those were sealed before
// the delete. What is sent again afterwards is in the head, or in a chunk of a later version, and shows.
//
//   t          10  20  30  40
//   version 5   a   b   c   d        delete [20, 30] at position 7, then 30 is sent again and sealed at 9
//   version 9           e            a query sees  a, e, d
//
// When a window's series have all been gone through since, no chunk below p holds a covered sample any more, nor can
// one come: memory was cleared when the delete took its position. Then the tombstone goes.
//
// Of days that have rollups only, the windows of the rollup tiers get tombstones, in the same write. What a bucket
// stands for cannot be told apart any more, so one hides every bucket that the range touches between its first sample
// and its last. Nothing new comes to such days, so there are no versions; it goes when rollup_eraser.h has been
// through.
#pragma once

#include <map>
#include <memory>
#include <roaring/roaring.hh>
#include <string>
#include <utility>
#include <vector>

#include "aggregator/storage/chunk_merge.h"
#include "aggregator/storage/keys.h"
#include "aggregator/storage/metrics.h"
#include "aggregator/storage/rocks.h"
#include "aggregator/storage/rollup.h"
#include "model/log.h"
#include "model/mutex.h"
#include "model/status.h"

namespace tidemark::storage {

struct Tombstone {
  TombstoneKey key;
  int64_t min_ms = 0;  // Inclusive both, within the window.
  int64_t max_ms = 0;
  Roaring ids;

  bool overlaps(int64_t from_ms, int64_t to_ms) const { return from_ms <= max_ms && to_ms >= min_ms; }
};

std::string encode_tombstone(const Tombstone& tombstone);
Result<Tombstone> parse_tombstone(std::string_view key, std::string_view value);

// All tombstones at one moment. Never changes; thread-safe.
class TombstoneSet {
 public:
  using Of = std::vector<std::shared_ptr<const Tombstone>>;

  bool empty() const { return by_window_.empty(); }
  size_t size() const { return count_; }
  std::vector<TombstoneKey> keys() const;
  // Of the window, by position.
  const Of& of(Window window, Tier tier = Tier::kRaw) const;
  // Series that may lack samples of the range which their postings and chunks promise.
  Roaring touched(Window window, int64_t min_ms, int64_t max_ms, Tier tier = Tier::kRaw) const;
  // The sample in a chunk of that version is deleted.
  bool covers(SeriesId series, int64_t t_ms, Position version) const;
  // Takes deleted samples out of a series' chunks of one window; chunks of which nothing is left go. Says whether it
  // found any. A chunk that does not decode stays as it is.
  bool subtract(Window window, SeriesId series, std::vector<ReadChunk>& chunks) const;
  // Takes deleted buckets out of a series' rollup of one window.
  void subtract(Tier tier, Window window, SeriesId series, std::vector<Bucket>& buckets) const;
  // One of those over rollups, the same as long as it is there. Null when there is none.
  std::shared_ptr<const Tombstone> first_over_rollups() const;

 private:
  friend class Tombstones;
  std::map<std::pair<Tier, Window>, Of> by_window_;
  size_t count_ = 0;
};

// The store's tombstones. Thread-safe; changed by one thread at a time (Engine's mutex over work on files).
class Tombstones {
 public:
  // Should scripts delete series by series: so many take some megabytes. One delete makes one in each day it touches.
  static constexpr size_t kMax = 20'000;

  explicit Tombstones(Metrics& metrics);
  Tombstones(const Tombstones&) = delete;
  Tombstones& operator=(const Tombstones&) = delete;

  // All that are in the postings family. What does not read is reported, counted and left.
  Status load(Rocks& rocks, Logger& logger);
  // Take it before a snapshot of the files: one too many does no harm, one too few shows what was deleted.
  std::shared_ptr<const TombstoneSet> now() const;
  // The highest position among them; 0 when there are none.
  Position last_position() const;

  // After they were written to, or erased from, the postings family.
  void add(std::vector<Tombstone> tombstones);
  void remove(const std::vector<TombstoneKey>& keys);
  // The tier's windows before it are dropped.
  void drop_before(Tier tier, Window first_kept);

 private:
  Status load(Rocks& rocks, Logger& logger, Tier tier, std::vector<Tombstone>& found);
  void set(TombstoneSet next);

  Metrics& metrics_;
  mutable Mutex mu_;  // A leaf.
  std::shared_ptr<const TombstoneSet> now_ TM_GUARDED_BY(mu_);
};

}  // namespace tidemark::storage
