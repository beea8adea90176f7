// Verify: reads all of a data directory that no process uses, changing nothing, and says what is wrong with it.
//
//   files      every block of every data file against its checksum
//   pieces     every chunk decoded, every record, bitmap and log entry parsed
//   between    chunks, open chunks and log records name series that have a record; a window's postings name every
//              series with a chunk in it under all its labels; a series is found by its labels
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/log.h"
#include "model/status.h"

namespace rocksdb {
class Env;
}

namespace tidemark::storage {

// A directory that no process uses, for the tools that look at all of it.
struct OfflineStore {
  std::string path;
  std::string encryption_key_file;  // "" when not encrypted.
  rocksdb::Env* env = nullptr;      // Null: the operating system's.
};

struct Finding {
  std::string where;  // A file, or what is stored: "chunk of series 17 on 2026-11-21".
  std::string what;
};

struct VerifyReport {
  uint64_t files = 0;
  uint64_t series = 0;
  uint64_t chunks = 0;  // With rollups.
  uint64_t samples = 0;
  uint64_t open_chunks = 0;
  uint64_t postings = 0;
  uint64_t log_records = 0;

  static constexpr size_t kFindingsKept = 1000;
  std::vector<Finding> findings;  // The first of them.
  uint64_t finding_count = 0;     // All.
};

// An error only when the directory cannot be looked at: it is in use, the key is wrong, or the database does not open.
Result<VerifyReport> verify_store(const OfflineStore& store, Logger& logger);

}  // namespace tidemark::storage
