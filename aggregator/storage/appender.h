// Appender: the store as its writers see it (scraping, remote write, rules).
#pragma once

#include "aggregator/storage/batch.h"
#include "model/status.h"

namespace tidemark::storage {

class Appender {
 public:
  virtual ~Appender() = default;

  // Stores what it can of the batch and says in the batch what became of each sample. All that is accepted becomes
  // durable and visible at once: a crash keeps all of it or none, a query sees all of it or none. Returns only when it
  // is in the log. A failed Result means nothing was stored (read-only, I/O error, shutting down).
  // Thread-safe; a batch belongs to one caller.
  virtual Result<CommitReport> commit(Batch& batch) = 0;
};

}  // namespace tidemark::storage
