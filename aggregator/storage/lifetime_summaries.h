// LifetimeSummaries: of each block of lifetimes its extremes, so that a query reads only the blocks its range divides.
// In a steady fleet that is none: its series all live through, or all ended when the last checkpoint moved them.
//
// Lifetimes change with files that are ingested, and only then. What was read is of use to another reader when nothing
// was ingested between the two snapshots, which version() tells.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <atomic>
#include <bitset>
#include <optional>

#include "aggregator/storage/lifetimes.h"
#include "model/mutex.h"

namespace tidemark::storage {

struct LifetimeSummary {
  explicit LifetimeSummary(const LifetimeBlock& block);

  bool all_touch(const Lifetime& asked) const { return first_max <= asked.last && last_min >= asked.first; }
  bool none_touches(const Lifetime& asked) const { return first_min > asked.last || last_max < asked.first; }

  // Of the series whose lifetime is known.
  uint16_t first_min = UINT16_MAX;
  uint16_t first_max = 0;
  uint16_t last_min = UINT16_MAX;
  uint16_t last_max = 0;
  std::bitset<kLifetimeBlock> known;
};

// Thread-safe.
class LifetimeSummaries {
 public:
  // For whoever ingests files, from before to after.
  class Change {
   public:
    explicit Change(LifetimeSummaries& summaries) : summaries_(summaries) { ++summaries_.begun_; }
    ~Change() { ++summaries_.ended_; }
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;

   private:
    LifetimeSummaries& summaries_;
  };

  // Of what a snapshot shows that is taken between two calls with the same answer. 0: may be changing, remember
  // nothing.
  uint64_t version() const {
    const uint64_t ended = ended_.load();
    return begun_.load() == ended ? ended + 1 : 0;
  }

  // REQUIRES for both: version > 0.
  std::optional<LifetimeSummary> find(Window window, uint32_t block, uint64_t version);
  void add(Window window, uint32_t block, uint64_t version, const LifetimeSummary& summary);

 private:
  // Of some 140 bytes. All are dropped beyond, which is more than four million series a day.
  static constexpr size_t kSummariesMax = 4096;

  std::atomic<uint64_t> begun_{0};
  std::atomic<uint64_t> ended_{0};
  Mutex mu_;  // A leaf.
  uint64_t version_ TM_GUARDED_BY(mu_) = 0;
  absl::flat_hash_map<uint64_t, LifetimeSummary> summaries_ TM_GUARDED_BY(mu_);  // By window and block.
};

}  // namespace tidemark::storage
