#include "aggregator/storage/lifetime_summaries.h"

#include <algorithm>

namespace tidemark::storage {
namespace {

uint64_t key_of(Window window, uint32_t block) { return uint64_t{static_cast<uint32_t>(window)} << 32 | block; }

}  // namespace

LifetimeSummary::LifetimeSummary(const LifetimeBlock& block) {
  for (size_t i = 0; i < block.size(); ++i) {
    if (!block[i].known()) continue;
    known.set(i);
    first_min = std::min(first_min, block[i].first);
    first_max = std::max(first_max, block[i].first);
    last_min = std::min(last_min, block[i].last);
    last_max = std::max(last_max, block[i].last);
  }
}

std::optional<LifetimeSummary> LifetimeSummaries::find(Window window, uint32_t block, uint64_t version) {
  const MutexLock lock(mu_);
  if (version != version_) return std::nullopt;
  const auto found = summaries_.find(key_of(window, block));
  if (found == summaries_.end()) return std::nullopt;
  return found->second;
}

void LifetimeSummaries::add(Window window, uint32_t block, uint64_t version, const LifetimeSummary& summary) {
  const MutexLock lock(mu_);
  if (version < version_) return;
  if (version > version_ || summaries_.size() >= kSummariesMax) summaries_.clear();
  version_ = version;
  summaries_.insert_or_assign(key_of(window, block), summary);
}

}  // namespace tidemark::storage
