#include "aggregator/remote/series_cache.h"

#define XXH_STATIC_LINKING_ONLY  // For a hash state on the stack.
#include <xxhash.h>

#include <algorithm>
#include <random>

namespace tidemark::remote {

namespace {

uint64_t random_seed() {
  std::random_device source;
  return (uint64_t{source()} << 32) | source();
}

}  // namespace

SeriesCache::SeriesCache(size_t series_max)
    : seed_(random_seed()), shard_series_max_(std::max<size_t>(1, series_max / kShards)) {}

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

storage::SeriesRef SeriesCache::find(const SeriesKey& key) const {
  const Shard& shard = shard_of(key);
  const MutexLock lock(shard.mu);
  const auto at = shard.refs.find(key);
  return at == shard.refs.end() ? storage::kNoRef : at->second;
}

void SeriesCache::put(const SeriesKey& key, storage::SeriesRef ref) {
  Shard& shard = shard_of(key);
  const MutexLock lock(shard.mu);
  if (shard.refs.size() >= shard_series_max_ && !shard.refs.contains(key)) shard.refs.clear();
  shard.refs[key] = ref;
}

void SeriesCache::erase(const SeriesKey& key) {
  Shard& shard = shard_of(key);
  const MutexLock lock(shard.mu);
  shard.refs.erase(key);
}

size_t SeriesCache::size() const {
  size_t total = 0;
  for (const Shard& shard : shards_) {
    const MutexLock lock(shard.mu);
    total += shard.refs.size();
  }
  return total;
}

}  // namespace tidemark::remote
