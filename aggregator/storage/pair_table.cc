#include "aggregator/storage/pair_table.h"

#include <xxhash.h>

#include <algorithm>

namespace tidemark::storage {
namespace {

// Beyond it a bitmap is smaller and quicker to change in the middle.
constexpr size_t kFewMax = 128;

}  // namespace

void IdList::add(SeriesId id) {
  if (many_) {
    many_->add(id);
    return;
  }
  // New series come with rising ids; only one that returns from disk goes into the middle.
  few_.insert(few_.empty() || few_.back() < id ? few_.end() : std::lower_bound(few_.begin(), few_.end(), id), id);
  if (few_.size() <= kFewMax) return;
  many_ = std::make_unique<Roaring>(few_.size(), few_.data());
  few_ = {};
}

void IdList::remove(SeriesId id) {
  if (many_) {
    many_->remove(id);
    return;
  }
  const auto at = std::lower_bound(few_.begin(), few_.end(), id);
  if (at != few_.end() && *at == id) few_.erase(at);
}

size_t PairTable::Hash::operator()(const LabelView& label) const {
  return XXH3_64bits_withSeed(label.value.data(), label.value.size(),
                              XXH3_64bits(label.name.data(), label.name.size()));
}

uint32_t PairTable::add(const LabelView& label, SeriesId id, uint32_t likely) {
  if (likely < pairs_.size() && pairs_[likely].name != nullptr && Equal{&pairs_}(likely, label)) {
    pairs_[likely].ids.add(id);
    return likely;
  }
  if (const auto found = by_label_.find(label); found != by_label_.end()) {
    pairs_[*found].ids.add(id);
    return *found;
  }
  uint32_t number = 0;
  if (free_.empty()) {
    number = static_cast<uint32_t>(pairs_.size());
    pairs_.emplace_back();
  } else {
    number = free_.back();
    free_.pop_back();
  }
  auto values = names_.find(label.name);
  if (values == names_.end()) values = names_.emplace(std::string(label.name), Values()).first;
  const auto added = values->second.emplace(std::string(label.value), number).first;
  Pair& pair = pairs_[number];
  pair.name = &values->first;
  pair.value = &added->first;
  pair.hash = Hash{&pairs_}(label);
  pair.ids.add(id);
  by_label_.insert(number);
  return number;
}

void PairTable::remove(uint32_t number, SeriesId id) {
  Pair& pair = pairs_[number];
  pair.ids.remove(id);
  if (!pair.ids.empty()) return;
  by_label_.erase(number);
  const auto values = names_.find(*pair.name);
  values->second.erase(values->second.find(*pair.value));
  if (values->second.empty()) names_.erase(values);
  pair.name = nullptr;
  pair.value = nullptr;
  pair.ids.clear();
  free_.push_back(number);
}

}  // namespace tidemark::storage
