// Health: whether the store still takes writes. After a write whose outcome is unknown it must not, or what it
// acknowledges later could be lost behind a hole; it goes on answering queries. A restart finds out what was written.
#pragma once

#include <atomic>

#include "aggregator/storage/metrics.h"
#include "model/log.h"
#include "model/mutex.h"
#include "model/status.h"

namespace tidemark::storage {

class Health {
 public:
  Health(Logger& logger, Metrics& metrics) : logger_(logger), metrics_(metrics) {}

  bool writable() const { return !failed_.load(std::memory_order_acquire); }
  // kReadOnly with the first failure's message; OK while writable.
  Status status() const;
  // The first call counts, logs, and turns the store read-only for good.
  void fail(const Status& why);

 private:
  Logger& logger_;
  Metrics& metrics_;
  std::atomic<bool> failed_{false};  // Release after why_ is set.
  mutable Mutex mu_;
  Status why_ TM_GUARDED_BY(mu_);
};

}  // namespace tidemark::storage
