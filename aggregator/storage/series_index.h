// SeriesIndex: the active series in memory. Label set to series and back, and postings for each label pair.
//
// About 100 bytes a series: a series' labels are numbers of pairs (pair_table.h), and the two hash tables hold numbers
// of entries, four bytes each, not keys.
#pragma once

#include <absl/container/flat_hash_set.h>
#include <absl/container/inlined_vector.h>

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <roaring/roaring.hh>
#include <span>
#include <string>
#include <vector>

#include "aggregator/storage/keys.h"
#include "aggregator/storage/match.h"
#include "aggregator/storage/pair_table.h"
#include "model/labels.h"
#include "model/mutex.h"

namespace tidemark::storage {

// Bounds on a label set. Prometheus has none by default; these are far above what anybody means to send.
inline constexpr size_t kLabelsMax = 128;
inline constexpr size_t kLabelNameBytesMax = 1024;
inline constexpr size_t kLabelValueBytesMax = 64 << 10;
inline constexpr size_t kLabelSetBytesMax = 128 << 10;

class SeriesIndex {
 public:
  struct Found {
    SeriesId id;
    uint32_t slot;  // In its shard.
  };

  SeriesIndex();
  SeriesIndex(const SeriesIndex&) = delete;
  SeriesIndex& operator=(const SeriesIndex&) = delete;

  // The mutex is the caller's to take: once for a whole batch. Taken before HeadShard's. Never held across I/O.
  Mutex& mutex() TM_ANNOTATION(lock_returned(mu_)) { return mu_; }

  // Remembers that the series was asked for at `now_s`, so that it does not leave before its samples arrive.
  std::optional<Found> find(uint64_t hash, LabelsView labels, uint32_t now_s) TM_REQUIRES(mu_);
  std::optional<Found> find(SeriesId id) TM_REQUIRES(mu_);
  // REQUIRES: neither the id nor the labels are there; the labels are within the bounds above.
  void add(SeriesId id, uint32_t slot, uint64_t hash, LabelsView labels, uint32_t now_s) TM_REQUIRES(mu_);
  // As add(), of many series, none of which is asked for before enter_placed(): that fills the tables in one go, two
  // threads and no wait for memory at each.
  void place(SeriesId id, uint32_t slot, uint64_t hash, LabelsView labels, uint32_t now_s) TM_REQUIRES(mu_);
  void enter_placed() TM_REQUIRES(mu_);
  void remove(SeriesId id) TM_REQUIRES(mu_);
  // Makes room for that many series in all.
  void reserve(size_t series) TM_REQUIRES(mu_);
  // 0 when it is not there.
  uint32_t last_asked_s(SeriesId id) TM_REQUIRES(mu_);

  std::string encoded_labels(SeriesId id) TM_REQUIRES(mu_);  // "" when it is not there.
  // False when it is not there.
  bool append_encoded_labels(SeriesId id, std::string& out) TM_REQUIRES(mu_);
  // Of its labels those with one of the names, which are as named_by() gave them since the mutex was taken.
  using NameRefs = absl::InlinedVector<const std::string*, 8>;
  NameRefs named_by(std::span<const std::string> names) TM_REQUIRES(mu_);
  bool append_encoded_labels(SeriesId id, const NameRefs& names, std::string& out) TM_REQUIRES(mu_);
  // Calls visit(number of pair) for each of its labels.
  template <class Visit>
  void for_each_pair(SeriesId id, Visit visit) TM_REQUIRES(mu_) {
    const auto found = by_id_.find(ById{id});
    if (found == by_id_.end()) return;
    const Entry& entry = entries_[*found];
    for (uint32_t i = 0; i < entry.pair_count; ++i) visit(pairs_of(entry)[i]);
  }
  LabelView pair(uint32_t number) TM_REQUIRES(mu_) { return pair_table_.label(number); }

  size_t size() TM_REQUIRES(mu_) { return by_id_.size(); }
  const Roaring& ids() TM_REQUIRES(mu_) { return all_; }
  const PairTable& pairs() TM_REQUIRES(mu_) { return pair_table_; }
  Result<Roaring> match(const std::vector<Matcher>& matchers) TM_REQUIRES(mu_);
  std::vector<std::string> label_names() TM_REQUIRES(mu_);
  std::vector<std::string> label_values(std::string_view name) TM_REQUIRES(mu_);
  // As PostingsSource::values.
  Status values(std::string_view name, const PostingsSource::Visit& visit) TM_REQUIRES(mu_);

 private:
  class Source;
  struct Entry {
    uint64_t hash = 0;  // Of the labels.
    SeriesId id = 0;
    uint32_t slot = 0;
    uint32_t asked_s = 0;
    uint32_t pairs_at = 0;  // Block and place in it.
    uint8_t pair_count = 0;
  };
  using Entries = std::deque<Entry>;

  struct ByLabels {
    uint64_t hash;
    LabelsView labels;
  };
  struct LabelsHash {
    using is_transparent = void;
    size_t operator()(uint32_t entry) const { return (*entries)[entry].hash; }
    size_t operator()(const ByLabels& wanted) const { return wanted.hash; }
    const Entries* entries;
  };
  struct LabelsEqual {
    using is_transparent = void;
    bool operator()(uint32_t a, uint32_t b) const { return a == b; }
    bool operator()(uint32_t a, const ByLabels& b) const { return index->has_labels(a, b); }
    bool operator()(const ByLabels& a, uint32_t b) const { return index->has_labels(b, a); }
    const SeriesIndex* index;
  };
  struct ById {
    SeriesId id;
  };
  struct IdHash {
    using is_transparent = void;
    // Absl's table takes the place from all but the lowest seven bits: ids in a row lie in a row.
    static size_t mix(SeriesId id) { return size_t{id} << 7 | (id * uint64_t{0x9e3779b97f4a7c15}) >> 57; }
    size_t operator()(uint32_t entry) const { return mix((*entries)[entry].id); }
    size_t operator()(ById wanted) const { return mix(wanted.id); }
    const Entries* entries;
  };
  struct IdEqual {
    using is_transparent = void;
    bool operator()(uint32_t a, uint32_t b) const { return a == b; }
    bool operator()(uint32_t a, ById b) const { return (*entries)[a].id == b.id; }
    bool operator()(ById a, uint32_t b) const { return (*entries)[b].id == a.id; }
    const Entries* entries;
  };

  // Lists of pair numbers lie in blocks, so that they cost neither a pointer nor an allocation each; freed ones are
  // kept by length for the next series with as many labels.
  static constexpr uint32_t kBlockPairs = 1 << 16;
  const uint32_t* pairs_of(const Entry& entry) const {
    return &pair_blocks_[entry.pairs_at / kBlockPairs][entry.pairs_at % kBlockPairs];
  }
  uint32_t allocate_pairs(uint8_t count) TM_REQUIRES(mu_);
  // Returns the entry's number.
  uint32_t make_entry(SeriesId id, uint32_t slot, uint64_t hash, LabelsView labels, uint32_t now_s) TM_REQUIRES(mu_);
  bool has_labels(uint32_t entry, const ByLabels& wanted) const;

  Mutex mu_;
  // The tables' functors read these without saying that they hold the mutex; their callers do.
  Entries entries_;
  PairTable pair_table_;
  std::vector<std::unique_ptr<uint32_t[]>> pair_blocks_;
  uint32_t block_used_ TM_GUARDED_BY(mu_) = kBlockPairs;
  std::array<std::vector<uint32_t>, kLabelsMax + 1> free_pairs_ TM_GUARDED_BY(mu_);
  std::array<uint32_t, kLabelsMax> last_pairs_ TM_GUARDED_BY(mu_) = {};  // Of the series added last.
  std::vector<uint32_t> free_entries_ TM_GUARDED_BY(mu_);
  std::vector<uint32_t> placed_ TM_GUARDED_BY(mu_);  // Entries that are in no table yet.
  absl::flat_hash_set<uint32_t, LabelsHash, LabelsEqual> by_labels_ TM_GUARDED_BY(mu_);
  absl::flat_hash_set<uint32_t, IdHash, IdEqual> by_id_ TM_GUARDED_BY(mu_);
  Roaring all_ TM_GUARDED_BY(mu_);
};

}  // namespace tidemark::storage
