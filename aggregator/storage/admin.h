// Admin: the store as its operators see it while it runs.
#pragma once

#include <cstddef>
#include <string>

#include "aggregator/storage/backup.h"
#include "aggregator/storage/cardinality.h"
#include "model/status.h"

namespace tidemark::storage {

class Admin {
 public:
  virtual ~Admin() = default;

  // A copy of all that is stored now, in a folder of that name under `<data>/snapshots/`: a data directory of its own,
  // opened as after a crash. Costs a moment and little space, as files are shared (hard links) until either side drops
  // them. kInvalid for a name that is no plain file name or is taken. Thread-safe.
  virtual Status snapshot(const std::string& name) = 0;

  // Adds a backup of all that is stored now to those in `folder` and keeps the newest `keep` (0: all). Only what no
  // earlier backup there has is copied. Encrypted as the store is. kUnavailable while another one runs. Thread-safe.
  virtual Result<Backup> backup(const std::string& folder, size_t keep) = 0;

  // With the `limit` largest of each kind. Thread-safe.
  virtual Cardinality cardinality(size_t limit) = 0;
};

}  // namespace tidemark::storage
