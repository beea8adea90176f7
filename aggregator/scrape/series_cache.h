// SeriesCache: what one target's loop knows about the series of its exposition, so that a scrape whose series are the
// ones of last time does no label work.
//
// A series is found by a 128-bit hash of its text in the exposition: keeping the text would double the memory of a
// large target, and a collision (which a target could only forge against itself, and not without knowing the seed) is
// out of reach. Targets print their series in the same order every time, so the one expected next is looked at before
// the index is asked.
//
// Staleness goes by labels, not by text: a target that prints the same series another way (labels in another order)
// has not lost it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "aggregator/storage/batch.h"

namespace tidemark::scrape {

// Belongs to one thread at a time.
class SeriesCache {
 public:
  using Slot = uint32_t;
  static constexpr Slot kNone = ~Slot{0};

  struct Entry {
    uint64_t text_hash[2] = {0, 0};
    uint64_t labels_hash = 0;  // Of the labels as stored.
    storage::SeriesRef ref = storage::kNoRef;
    uint32_t seen_in = 0;     // The round that showed it last.
    uint32_t tracked_in = 0;  // The round that last stored it at the scrape's own time.
    bool dropped = false;     // metric_relabel_configs drop it.
    bool live = false;        // Its newest sample in the store is ours: it needs a marker when it goes.
  };

  explicit SeriesCache(uint64_t hash_seed) : hash_seed_(hash_seed) {}

  // A round is one look at an exposition, good or bad.
  void begin_round();
  uint32_t round() const { return round_; }

  // kNone when the text is new. Does not count as seen.
  Slot find(std::string_view text);
  // REQUIRES: find(text) was kNone.
  Slot insert(std::string_view text);
  Entry& at(Slot slot) { return entries_[slot]; }

  // The live series that this round did not store at its own time, once for each set of labels.
  struct Stale {
    Slot slot;  // kNone: it outlived its entry, see forget_texts().
    storage::SeriesRef ref;
  };
  std::vector<Stale> stale() const;

  // After the markers of stale() were stored.
  void clear_stale(const std::vector<Stale>& markers);

  // Ends a good round: entries that it did not show go.
  void evict_unseen();
  // Ends a failed round. Entries stay, for the target will be back; unless a target that keeps failing has changed its
  // series over and over: then all that this round did not show go, and the answer is true.
  bool bound_growth();

  // The same text now means other labels (the rules have changed): all entries go, the live series are remembered
  // until the next round has shown which of them are still there.
  void forget_texts();

  size_t size() const { return index_.size(); }

 private:
  struct Key {
    uint64_t low;
    uint64_t high;
    bool operator==(const Key&) const = default;
    template <class H>
    friend H AbslHashValue(H h, const Key& key) {
      return H::combine(std::move(h), key.low);
    }
  };
  struct Orphan {
    storage::SeriesRef ref;
    uint64_t labels_hash;
  };
  Key key_of(std::string_view text) const;
  void evict(bool keep_live);

  const uint64_t hash_seed_;
  uint32_t round_ = 0;
  Slot expected_ = 0;
  size_t good_size_ = 0;  // After the last good round.
  std::vector<Entry> entries_;
  std::vector<Slot> free_;
  absl::flat_hash_map<Key, Slot> index_;
  std::vector<Orphan> orphans_;
};

}  // namespace tidemark::scrape
