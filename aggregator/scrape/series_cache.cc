#include "aggregator/scrape/series_cache.h"

#include <absl/container/flat_hash_set.h>
#include <xxhash.h>

#include <algorithm>

namespace tidemark::scrape {
namespace {

// As in Prometheus: twice what the last good scrape left, and some for small targets.
constexpr size_t kGrowthFactor = 2;
constexpr size_t kGrowthFree = 1'000;

}  // namespace

void SeriesCache::begin_round() {
  ++round_;
  expected_ = 0;
}

SeriesCache::Key SeriesCache::key_of(std::string_view text) const {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(text.data(), text.size(), hash_seed_);
  return {hash.low64, hash.high64};
}

SeriesCache::Slot SeriesCache::find(std::string_view text) {
  const Key key = key_of(text);
  Slot slot = kNone;
  if (expected_ < entries_.size() && entries_[expected_].text_hash[0] == key.low &&
      entries_[expected_].text_hash[1] == key.high) {
    slot = expected_;
  } else if (const auto found = index_.find(key); found != index_.end()) {
    slot = found->second;
  }
  if (slot != kNone) expected_ = slot + 1;
  return slot;
}

SeriesCache::Slot SeriesCache::insert(std::string_view text) {
  Slot slot = static_cast<Slot>(entries_.size());
  if (free_.empty()) {
    entries_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  const Key key = key_of(text);
  entries_[slot] = Entry();
  entries_[slot].text_hash[0] = key.low;
  entries_[slot].text_hash[1] = key.high;
  index_[key] = slot;
  expected_ = slot + 1;
  return slot;
}

std::vector<SeriesCache::Stale> SeriesCache::stale() const {
  std::vector<Stale> out;
  for (const Orphan& orphan : orphans_) out.push_back({kNone, orphan.ref});
  for (Slot slot = 0; slot < entries_.size(); ++slot) {
    if (entries_[slot].live && entries_[slot].tracked_in != round_) out.push_back({slot, entries_[slot].ref});
  }
  if (out.empty()) return out;

  absl::flat_hash_set<uint64_t> known;  // Labels that are still there, or have their marker.
  for (const Entry& entry : entries_) {
    if (entry.tracked_in == round_) known.insert(entry.labels_hash);
  }
  size_t orphan = 0;
  std::erase_if(out, [&](const Stale& stale) {
    const uint64_t hash = stale.slot == kNone ? orphans_[orphan++].labels_hash : entries_[stale.slot].labels_hash;
    return !known.insert(hash).second;
  });
  return out;
}

void SeriesCache::clear_stale(const std::vector<Stale>& markers) {
  for (const Stale& stale : markers) {
    if (stale.slot != kNone) entries_[stale.slot].live = false;
  }
  orphans_.clear();
}

void SeriesCache::evict_unseen() {
  evict(false);
  good_size_ = size();
}

bool SeriesCache::bound_growth() {
  if (size() <= good_size_ * kGrowthFactor + kGrowthFree) return false;
  evict(true);
  return true;
}

// An entry that is still live could not be given its marker (the store took nothing): it stays to get it next time.
void SeriesCache::evict(bool keep_live) {
  for (Slot slot = 0; slot < entries_.size(); ++slot) {
    Entry& entry = entries_[slot];
    const Key key{entry.text_hash[0], entry.text_hash[1]};
    if (entry.seen_in == round_ || (keep_live && entry.live)) continue;
    const auto found = index_.find(key);
    if (found == index_.end() || found->second != slot) continue;  // Free already.
    index_.erase(found);
    entry = Entry();
    free_.push_back(slot);
  }
}

void SeriesCache::forget_texts() {
  for (const Entry& entry : entries_) {
    if (entry.live) orphans_.push_back({entry.ref, entry.labels_hash});
  }
  entries_.clear();
  free_.clear();
  index_.clear();
  expected_ = 0;
}

}  // namespace tidemark::scrape
