// SeriesCache: from the label bytes of a series as a sender writes them to the store's ref for it, so that a series
// that was seen before needs no label work.
//
// The key is a 128-bit XXH3 of the bytes under a seed of this process. Two series that share a key would be mixed up,
// so the hash must be this wide: among 10 million series the odds are below 1 in 10^24.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "aggregator/storage/batch.h"
#include "model/mutex.h"

namespace tidemark::remote {

struct SeriesKey {
  uint64_t low = 0;
  uint64_t high = 0;
  bool operator==(const SeriesKey&) const = default;
};

// Thread-safe. Keeps at most `series_max` refs, some 56 B each.
class SeriesCache {
 public:
  explicit SeriesCache(size_t series_max);

  // The key of label messages, in the order they were sent.
  SeriesKey key(const std::vector<std::string_view>& label_messages) const;

  storage::SeriesRef find(const SeriesKey& key) const;  // kNoRef when absent.
  // A full shard is emptied: the refs of series that are still being written return within one of their intervals.
  void put(const SeriesKey& key, storage::SeriesRef ref);
  void erase(const SeriesKey& key);
  size_t size() const;

 private:
  struct Hash {
    size_t operator()(const SeriesKey& key) const { return key.low; }
  };
  struct Shard {
    mutable Mutex mu;
    std::unordered_map<SeriesKey, storage::SeriesRef, Hash> refs TM_GUARDED_BY(mu);
  };

  static constexpr size_t kShards = 16;  // More than there are workers at most times.

  const Shard& shard_of(const SeriesKey& key) const { return shards_[key.high % kShards]; }
  Shard& shard_of(const SeriesKey& key) { return shards_[key.high % kShards]; }

  const uint64_t seed_;
  const size_t shard_series_max_;
  std::array<Shard, kShards> shards_;
};

}  // namespace tidemark::remote
