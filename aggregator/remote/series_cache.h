// SeriesCache: from the label bytes of a series as a sender writes them to the store's ref for it, so that a series
// that was seen before needs no label work.
//
// The key is a 128-bit XXH3 of the bytes under a seed of this process; see ref_table.h for how much of it is compared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "aggregator/remote/ref_table.h"
#include "aggregator/storage/batch.h"
#include "model/mutex.h"

namespace tidemark::remote {

// Thread-safe. Keeps at most `series_max` refs, some 30 B each. Series that ended are not told apart: when a tenth of
// the refs came within the last two hours, the cache is emptied, so that it holds the living and two hours of the dead.
class SeriesCache {
 public:
  explicit SeriesCache(size_t series_max);

  // The key of label messages in the order they were sent; or of all of them with their tags and lengths, when they lie
  // in one piece. One series may have several keys.
  SeriesKey key(const std::vector<std::string_view>& label_messages) const;
  SeriesKey key(std::string_view label_field_bytes) const;

  // Finding is mostly waiting for memory, so it is done for many keys at once; kNoRef where one is absent.
  // REQUIRES: as many refs as keys.
  void find(std::span<const SeriesKey> keys, std::span<storage::SeriesRef> refs) const;
  // A full cache is emptied: the refs of series that are still being written return within one of their intervals.
  void put(const SeriesKey& key, storage::SeriesRef ref);
  void erase(const SeriesKey& key);
  // Call now and then with the time.
  void age(int64_t now_ms);
  size_t size() const;

 private:
  const uint64_t seed_;
  const size_t series_max_;
  mutable Mutex mu_;
  RefTable refs_ TM_GUARDED_BY(mu_);
  size_t put_ TM_GUARDED_BY(mu_) = 0;  // Since aged_ms_.
  int64_t aged_ms_ TM_GUARDED_BY(mu_) = 0;
};

}  // namespace tidemark::remote
