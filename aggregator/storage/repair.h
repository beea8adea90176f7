// Repair: copies all that reads out of a damaged data directory into a new one, whose postings and lookups are built
// afresh. What does not read is left out and reported; everything else is there bit for bit.
//
// The damaged directory itself is not written to: its data files are read through hard links in `<path>/repair.source`,
// where RocksDB may mend its list of files (MANIFEST) if that is lost. Where damage makes files be read one by one, or
// the list was lost, deletions are not known: what had been deleted there may show again.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "aggregator/storage/verify.h"
#include "model/log.h"
#include "model/status.h"

namespace tidemark::storage {

struct RepairReport {
  bool file_list_was_lost = false;
  uint64_t series = 0;  // Copied, as are those below.
  uint64_t chunks = 0;  // With rollups.
  uint64_t samples = 0;
  uint64_t open_chunks = 0;
  uint64_t log_records = 0;
  uint64_t state_entries = 0;
  std::vector<Finding> lost;  // At most VerifyReport::kFindingsKept.
  uint64_t lost_count = 0;
};

// Into `to`, which is empty or does not exist, encrypted as the other is. An error leaves `from` as it was.
Result<RepairReport> repair_store(const OfflineStore& from, const std::string& to, Logger& logger);

// The same, and the result takes the directory's place: the damaged database stays as `<path>/rocks.damaged`.
Result<RepairReport> repair_in_place(const OfflineStore& store, Logger& logger);

}  // namespace tidemark::storage
