// RetentionSettings: how long what is kept, as of the last configuration reload. Thread-safe.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "aggregator/storage/keys.h"
#include "aggregator/storage/rollup_writer.h"
#include "aggregator/storage/store.h"
#include "model/mutex.h"

namespace tidemark::storage {

struct RetentionLimits {
  int64_t time_ms = 0;  // Of series that no rule names. 0: none by time.
  uint64_t bytes = 0;   // 0: none by size.
  // 0: the tier is not wanted.
  int64_t rollup_5m_ms = 0;
  int64_t rollup_1h_ms = 0;
  std::shared_ptr<const std::vector<RetentionRule>> rules = std::make_shared<const std::vector<RetentionRule>>();

  // How long raw windows are kept: while anything in them is wanted. 0: for ever. Where rollups follow raw samples, one
  // series' raw samples cannot outlive the others'.
  int64_t raw_ms() const {
    int64_t ms = time_ms;
    if (ms == 0 || tiers() != 0) return ms;
    for (const RetentionRule& rule : *rules) ms = std::max(ms, rule.time_ms);
    return ms;
  }
  int64_t rollup_ms(Tier tier) const { return tier == Tier::k5m ? rollup_5m_ms : rollup_1h_ms; }
  uint64_t tiers() const {
    return (rollup_5m_ms > 0 ? tier_bit(Tier::k5m) : 0) | (rollup_1h_ms > 0 ? tier_bit(Tier::k1h) : 0);
  }
};

class RetentionSettings {
 public:
  explicit RetentionSettings(const Options& options) {
    change([&](RetentionLimits& limits) {
      limits.time_ms = options.retention_ms;
      limits.bytes = options.retention_bytes;
      limits.rollup_5m_ms = options.retention_5m_ms;
      limits.rollup_1h_ms = options.retention_1h_ms;
      limits.rules = std::make_shared<const std::vector<RetentionRule>>(options.retention_rules);
    });
  }

  template <class Change>
  void change(Change change) {
    const MutexLock lock(mu_);
    change(limits_);
    raw_ms_ = limits_.raw_ms();
  }
  RetentionLimits limits() const {
    const MutexLock lock(mu_);
    return limits_;
  }
  // Of the limits, for each commit to look at.
  int64_t raw_ms() const { return raw_ms_.load(std::memory_order_relaxed); }

 private:
  mutable Mutex mu_;  // A leaf.
  RetentionLimits limits_ TM_GUARDED_BY(mu_);
  std::atomic<int64_t> raw_ms_ = 0;
};

}  // namespace tidemark::storage
