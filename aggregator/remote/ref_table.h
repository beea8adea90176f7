// RefTable: an open-addressing hash table from a series' key to its ref, 20 bytes a slot.
//
// A slot keeps 96 bits of the key: among ten million series the odds that two are mixed up are below 1 in 10^15. Linear
// probing, growing by half when three quarters full. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "aggregator/storage/batch.h"

namespace tidemark::remote {

struct SeriesKey {
  uint64_t low = 0;   // Says where.
  uint64_t high = 0;  // Is compared.
  bool operator==(const SeriesKey&) const = default;
};

class RefTable {
 public:
  // Asks for the memory the next find() will read.
  void prefetch(const SeriesKey& key) const {
    if (slots_.empty()) return;
    const Slot* const first = &slots_[home(upper(key.low))];
    __builtin_prefetch(first);
    __builtin_prefetch(reinterpret_cast<const char*>(first) + 60);  // A run of three may end in the next line.
  }
  storage::SeriesRef find(const SeriesKey& key) const;  // kNoRef when absent.
  void put(const SeriesKey& key, storage::SeriesRef ref);
  void erase(const SeriesKey& key);
  void clear();
  size_t size() const { return size_; }

 private:
  static uint32_t upper(uint64_t word) { return static_cast<uint32_t>(word >> 32); }
  // In words of 32 bits, so that it is not padded to 24 bytes.
  struct Slot {
    uint32_t high[2] = {0, 0};
    uint32_t low = 0;          // The upper half of the key's: where the slot's home is.
    uint32_t ref[2] = {0, 0};  // kNoRef: free.
  };
  size_t home(uint32_t low) const { return static_cast<size_t>((uint64_t{low} * slots_.size()) >> 32); }
  size_t after(size_t at) const { return at + 1 == slots_.size() ? 0 : at + 1; }
  // Where the key is, or the free slot it would take. REQUIRES: a free slot.
  size_t position(const SeriesKey& key) const;
  void grow();

  std::vector<Slot> slots_;
  size_t size_ = 0;
};

}  // namespace tidemark::remote
