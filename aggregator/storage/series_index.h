// SeriesIndex: the active series in memory. Label set to series, and postings for each label pair.
//
// A series' labels are kept as numbers of pairs; each pair of name and value is there once.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/inlined_vector.h>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <roaring/roaring.hh>
#include <string>
#include <unordered_map>
#include <vector>

#include "aggregator/storage/keys.h"
#include "aggregator/storage/match.h"
#include "model/labels.h"
#include "model/mutex.h"

namespace tidemark::storage {

class SeriesIndex {
 public:
  struct Found {
    SeriesId id;
    uint32_t slot;  // In its shard.
  };

  // The mutex is the caller's to take: once for a whole batch. Taken before HeadShard's. Never held across I/O.
  Mutex& mutex() TM_ANNOTATION(lock_returned(mu_)) { return mu_; }

  // Remembers that the series was asked for at `now_s`, so that it does not leave before its samples arrive.
  std::optional<Found> find(uint64_t hash, LabelsView labels, uint32_t now_s) TM_REQUIRES(mu_);
  std::optional<Found> find(SeriesId id) TM_REQUIRES(mu_);
  // REQUIRES: neither the id nor the labels are there.
  void add(SeriesId id, uint32_t slot, uint64_t hash, LabelsView labels, uint32_t now_s) TM_REQUIRES(mu_);
  void remove(SeriesId id) TM_REQUIRES(mu_);
  // 0 when it is not there.
  uint32_t last_asked_s(SeriesId id) TM_REQUIRES(mu_);

  std::string encoded_labels(SeriesId id) TM_REQUIRES(mu_);  // "" when it is not there.
  // Calls visit(number of pair) for each of its labels.
  template <class Visit>
  void for_each_pair(SeriesId id, Visit visit) TM_REQUIRES(mu_) {
    const auto found = entries_.find(id);
    if (found == entries_.end()) return;
    for (uint32_t i = 0; i < found->second.pair_count; ++i) visit(found->second.pairs[i]);
  }
  LabelView pair(uint32_t number) TM_REQUIRES(mu_) { return {*pairs_[number].name, *pairs_[number].value}; }

  size_t size() TM_REQUIRES(mu_) { return entries_.size(); }
  const Roaring& ids() TM_REQUIRES(mu_) { return all_; }
  Result<Roaring> match(const std::vector<Matcher>& matchers) TM_REQUIRES(mu_);
  std::vector<std::string> label_names() TM_REQUIRES(mu_);
  std::vector<std::string> label_values(std::string_view name) TM_REQUIRES(mu_);

 private:
  class Source;
  struct Entry {
    uint64_t hash = 0;
    std::unique_ptr<uint32_t[]> pairs;
    uint32_t pair_count = 0;
    uint32_t slot = 0;
    uint32_t asked_s = 0;
  };
  struct Pair {
    const std::string* name = nullptr;  // In names_, as is the value. Null: free.
    const std::string* value = nullptr;
    absl::InlinedVector<SeriesId, 4> ids;  // Rising.
  };
  using Values = std::map<std::string, uint32_t, std::less<>>;

  bool same_labels(const Entry& entry, LabelsView labels) TM_REQUIRES(mu_);
  uint32_t pair_number(LabelView label) TM_REQUIRES(mu_);

  Mutex mu_;
  absl::flat_hash_map<SeriesId, Entry> entries_ TM_GUARDED_BY(mu_);
  absl::flat_hash_map<uint64_t, SeriesId> by_hash_ TM_GUARDED_BY(mu_);
  // Label sets whose hash was taken: about one in a million stores of ten million series has any.
  std::unordered_multimap<uint64_t, SeriesId> collided_ TM_GUARDED_BY(mu_);
  std::map<std::string, Values, std::less<>> names_ TM_GUARDED_BY(mu_);
  std::deque<Pair> pairs_ TM_GUARDED_BY(mu_);
  std::vector<uint32_t> free_pairs_ TM_GUARDED_BY(mu_);
  Roaring all_ TM_GUARDED_BY(mu_);
};

}  // namespace tidemark::storage
