// Admin: the store as its operators see it while it runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "aggregator/storage/backup.h"
#include "aggregator/storage/cardinality.h"
#include "model/matcher.h"
#include "model/status.h"

namespace tidemark::storage {

class Admin {
 public:
  virtual ~Admin() = default;

  // Deletes the samples from `min_ms` to `max_ms`, both inclusive, of the series that one of the sets of matchers
  // accepts. Queries that begin after it returns do not see them, and series without others do not show; what is sent
  // again afterwards does. The space is given back when their days are rewritten. kUnavailable when too many deletes
  // wait for that. Of days that have nothing but rollups, every bucket that the range touches goes. Commits wait while
  // it is written. Thread-safe. REQUIRES: no set is empty.
  virtual Status delete_samples(const std::vector<std::vector<Matcher>>& sets, int64_t min_ms, int64_t max_ms) = 0;

  // Takes out of files what was deleted before the call; returns when it is done. Thread-safe.
  virtual Status clean_tombstones() = 0;

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
