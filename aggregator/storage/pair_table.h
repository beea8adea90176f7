// PairTable: every label pair of the active series, once, under a number, with the ids of the series that have it: the
// postings of the head. Not thread-safe: SeriesIndex guards it.
#pragma once

#include <absl/container/flat_hash_set.h>
#include <absl/container/inlined_vector.h>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <roaring/roaring.hh>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/storage/keys.h"
#include "model/labels.h"

namespace tidemark::storage {

// Ids in rising order: as they are while few, a Roaring bitmap (about two bytes each) when many.
class IdList {
 public:
  void add(SeriesId id);
  void remove(SeriesId id);
  void clear() {
    few_.clear();
    few_.shrink_to_fit();
    many_.reset();
  }
  bool empty() const { return many_ ? many_->isEmpty() : few_.empty(); }
  uint64_t size() const { return many_ ? many_->cardinality() : few_.size(); }
  Roaring bitmap() const { return many_ ? *many_ : Roaring(few_.size(), few_.data()); }

 private:
  absl::InlinedVector<SeriesId, 4> few_;
  std::unique_ptr<Roaring> many_;
};

class PairTable {
 public:
  // By value, then the pair's number.
  using Values = std::map<std::string, uint32_t, std::less<>>;
  using Names = std::map<std::string, Values, std::less<>>;

  PairTable() : by_label_(0, Hash{&pairs_}, Equal{&pairs_}) {}
  PairTable(const PairTable&) = delete;
  PairTable& operator=(const PairTable&) = delete;

  // Says that the series has the label; returns the pair's number. `likely`: a number to try first, if any.
  uint32_t add(const LabelView& label, SeriesId id, uint32_t likely);
  // The series has it no more. A pair that no series has goes, and its number is used again.
  void remove(uint32_t number, SeriesId id);

  LabelView label(uint32_t number) const { return {*pairs_[number].name, *pairs_[number].value}; }
  const std::string* name(uint32_t number) const { return pairs_[number].name; }  // A key of names().
  const IdList& ids(uint32_t number) const { return pairs_[number].ids; }
  const Names& names() const { return names_; }

 private:
  struct Pair {
    const std::string* name = nullptr;  // In names_, as is the value. Null: free.
    const std::string* value = nullptr;
    uint64_t hash = 0;
    IdList ids;
  };
  using Pairs = std::deque<Pair>;
  struct Hash {
    using is_transparent = void;
    size_t operator()(uint32_t number) const { return (*pairs)[number].hash; }
    size_t operator()(const LabelView& label) const;
    const Pairs* pairs;
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(uint32_t a, uint32_t b) const { return a == b; }
    bool operator()(uint32_t a, const LabelView& b) const {
      return *(*pairs)[a].value == b.value && *(*pairs)[a].name == b.name;
    }
    bool operator()(const LabelView& a, uint32_t b) const { return (*this)(b, a); }
    const Pairs* pairs;
  };

  Names names_;
  Pairs pairs_;
  std::vector<uint32_t> free_;
  absl::flat_hash_set<uint32_t, Hash, Equal> by_label_;
};

}  // namespace tidemark::storage
