#include "aggregator/storage/health.h"

namespace tidemark::storage {

Status Health::status() const {
  if (writable()) return {};
  const MutexLock lock(mu_);
  return Status::read_only("storage takes no writes since one failed, restart to resume: " + why_.message());
}

void Health::fail(const Status& why) {
  const MutexLock lock(mu_);
  if (failed_) return;
  why_ = why;
  failed_.store(true, std::memory_order_release);
  metrics_.read_only.Set(1);
  logger_.error("storage is read-only until restarted: a write failed", {{"err", why}});
}

}  // namespace tidemark::storage
