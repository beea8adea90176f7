#include "aggregator/remote/series_cache.h"

#define XXH_STATIC_LINKING_ONLY  // For a hash state on the stack.
#include <xxhash.h>

#include <algorithm>
#include <random>

namespace tidemark::remote {

namespace {

constexpr int64_t kAgeMs = 2 * 3'600'000;

uint64_t random_seed() {
  std::random_device source;
  return (uint64_t{source()} << 32) | source();
}

}  // namespace

SeriesCache::SeriesCache(size_t series_max) : seed_(random_seed()), series_max_(std::max<size_t>(1, series_max)) {}

SeriesKey SeriesCache::key(const std::vector<std::string_view>& label_messages) const {
  // Each message with its length in front, so that no two lists read the same.
  XXH3_state_t state;
  XXH3_128bits_reset_withSeed(&state, seed_);
  for (const std::string_view message : label_messages) {
    const uint64_t bytes = message.size();
    XXH3_128bits_update(&state, &bytes, sizeof bytes);
    XXH3_128bits_update(&state, message.data(), message.size());
  }
  const XXH128_hash_t hash = XXH3_128bits_digest(&state);
  return {hash.low64, hash.high64};
}

SeriesKey SeriesCache::key(std::string_view label_field_bytes) const {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(label_field_bytes.data(), label_field_bytes.size(), seed_);
  return {hash.low64, hash.high64};
}

void SeriesCache::find(std::span<const SeriesKey> keys, std::span<storage::SeriesRef> refs) const {
  const MutexLock lock(mu_);
  for (const SeriesKey& key : keys) refs_.prefetch(key);
  for (size_t i = 0; i < keys.size(); ++i) refs[i] = refs_.find(keys[i]);
}

void SeriesCache::put(const SeriesKey& key, storage::SeriesRef ref) {
  const MutexLock lock(mu_);
  if (refs_.size() >= series_max_ && refs_.find(key) == storage::kNoRef) refs_.clear();
  refs_.put(key, ref);
  ++put_;
}

void SeriesCache::age(int64_t now_ms) {
  const MutexLock lock(mu_);
  if (now_ms - aged_ms_ < kAgeMs) return;
  // The first time, all refs are new.
  if (aged_ms_ != 0 && put_ > refs_.size() / 10) refs_.clear();
  aged_ms_ = now_ms;
  put_ = 0;
}

void SeriesCache::erase(const SeriesKey& key) {
  const MutexLock lock(mu_);
  refs_.erase(key);
}

size_t SeriesCache::size() const {
  const MutexLock lock(mu_);
  return refs_.size();
}

}  // namespace tidemark::remote
