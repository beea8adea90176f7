#include "aggregator/storage/series_index.h"

#include <algorithm>

namespace tidemark::storage {

class SeriesIndex::Source final : public PostingsSource {
 public:
  explicit Source(SeriesIndex& index) : index_(index) {}

  Result<Roaring> all() override { return index_.all_; }

  Result<Roaring> pair(std::string_view name, std::string_view value) override {
    const auto values = index_.names_.find(name);
    if (values == index_.names_.end()) return Roaring();
    const auto found = values->second.find(value);
    return found == values->second.end() ? Roaring() : ids(found->second);
  }

  Status values(std::string_view name, std::string_view prefix, const Visit& visit) override {
    const auto values = index_.names_.find(name);
    if (values == index_.names_.end()) return {};
    for (auto at = values->second.lower_bound(prefix); at != values->second.end(); ++at) {
      if (!std::string_view(at->first).starts_with(prefix)) break;
      if (!visit(at->first, [&]() -> Result<Roaring> { return ids(at->second); })) break;
    }
    return {};
  }

 private:
  Roaring ids(uint32_t number) const {
    const auto& ids = index_.pairs_[number].ids;
    return Roaring(ids.size(), ids.data());
  }

  SeriesIndex& index_;
};

bool SeriesIndex::same_labels(const Entry& entry, LabelsView labels) {
  uint32_t i = 0;
  for (const LabelView& label : labels) {
    if (i == entry.pair_count || !(pair(entry.pairs[i]) == label)) return false;
    ++i;
  }
  return i == entry.pair_count;
}

std::optional<SeriesIndex::Found> SeriesIndex::find(uint64_t hash, LabelsView labels, uint32_t now_s) {
  const auto first = by_hash_.find(hash);
  if (first == by_hash_.end()) return std::nullopt;
  const auto check = [&](SeriesId id) -> std::optional<Found> {
    Entry& entry = entries_.find(id)->second;
    if (!same_labels(entry, labels)) return std::nullopt;
    entry.asked_s = now_s;
    return Found{id, entry.slot};
  };
  if (const auto found = check(first->second)) return found;
  const auto [begin, end] = collided_.equal_range(hash);
  for (auto at = begin; at != end; ++at) {
    if (const auto found = check(at->second)) return found;
  }
  return std::nullopt;
}

std::optional<SeriesIndex::Found> SeriesIndex::find(SeriesId id) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return std::nullopt;
  return Found{id, found->second.slot};
}

uint32_t SeriesIndex::pair_number(LabelView label) {
  auto values = names_.find(label.name);
  if (values == names_.end()) values = names_.emplace(std::string(label.name), Values()).first;
  const auto found = values->second.find(label.value);
  if (found != values->second.end()) return found->second;
  uint32_t number = 0;
  if (free_pairs_.empty()) {
    number = static_cast<uint32_t>(pairs_.size());
    pairs_.emplace_back();
  } else {
    number = free_pairs_.back();
    free_pairs_.pop_back();
  }
  const auto added = values->second.emplace(std::string(label.value), number).first;
  pairs_[number].name = &values->first;
  pairs_[number].value = &added->first;
  return number;
}

void SeriesIndex::add(SeriesId id, uint32_t slot, uint64_t hash, LabelsView labels, uint32_t now_s) {
  Entry entry;
  entry.hash = hash;
  entry.slot = slot;
  entry.asked_s = now_s;
  entry.pair_count = static_cast<uint32_t>(labels.size());
  entry.pairs = std::make_unique<uint32_t[]>(entry.pair_count);
  uint32_t i = 0;
  for (const LabelView& label : labels) {
    const uint32_t number = pair_number(label);
    entry.pairs[i++] = number;
    auto& ids = pairs_[number].ids;
    // New series come with rising ids; only one that returns from disk goes into the middle.
    ids.insert(ids.empty() || ids.back() < id ? ids.end() : std::lower_bound(ids.begin(), ids.end(), id), id);
  }
  if (!by_hash_.emplace(hash, id).second) collided_.emplace(hash, id);
  entries_.emplace(id, std::move(entry));
  all_.add(id);
}

void SeriesIndex::remove(SeriesId id) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  const Entry& entry = found->second;
  for (uint32_t i = 0; i < entry.pair_count; ++i) {
    Pair& pair = pairs_[entry.pairs[i]];
    pair.ids.erase(std::lower_bound(pair.ids.begin(), pair.ids.end(), id));
    if (!pair.ids.empty()) continue;
    const auto values = names_.find(*pair.name);
    values->second.erase(values->second.find(*pair.value));
    if (values->second.empty()) names_.erase(values);
    pair.name = nullptr;
    pair.value = nullptr;
    free_pairs_.push_back(entry.pairs[i]);
  }
  const auto [begin, end] = collided_.equal_range(entry.hash);
  const auto collided = std::find_if(begin, end, [&](const auto& one) { return one.second == id; });
  if (collided != end) {
    collided_.erase(collided);
  } else if (begin != end) {
    by_hash_[entry.hash] = begin->second;
    collided_.erase(begin);
  } else {
    by_hash_.erase(entry.hash);
  }
  entries_.erase(found);
  all_.remove(id);
}

uint32_t SeriesIndex::last_asked_s(SeriesId id) {
  const auto found = entries_.find(id);
  return found == entries_.end() ? 0 : found->second.asked_s;
}

std::string SeriesIndex::encoded_labels(SeriesId id) {
  std::string out;
  for_each_pair(id, [&](uint32_t number) {
    const LabelView label = pair(number);
    append_encoded_label(out, label.name, label.value);
  });
  return out;
}

Result<Roaring> SeriesIndex::match(const std::vector<Matcher>& matchers) {
  Source source(*this);
  return storage::match(source, matchers);
}

std::vector<std::string> SeriesIndex::label_names() {
  std::vector<std::string> out;
  for (const auto& [name, values] : names_) out.push_back(name);
  return out;
}

std::vector<std::string> SeriesIndex::label_values(std::string_view name) {
  std::vector<std::string> out;
  const auto values = names_.find(name);
  if (values == names_.end()) return out;
  for (const auto& [value, number] : values->second) out.push_back(value);
  return out;
}

}  // namespace tidemark::storage
