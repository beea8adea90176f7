// Backups: a folder of them, each a whole data directory, sharing the files that are the same (RocksDB's BackupEngine).
//
//   <folder>/tidemark.format       as in a data directory: what the backups' bytes mean
//   <folder>/tidemark.encryption   only when they are encrypted: which key
//   <folder>/meta, private, shared_checksum
//
// The first backup copies everything, the next only what has changed since: data files never change, so that is the
// new ones and the log. Every file's checksum is kept and checked. One process at a time works on a folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "model/log.h"
#include "model/status.h"

namespace rocksdb {
class Env;
}

namespace tidemark::storage {

struct Backup {
  uint32_t id = 0;  // From 1, rising.
  int64_t made_ms = 0;
  uint64_t bytes = 0;  // Of all its files, shared ones too.
  uint32_t files = 0;
  uint64_t copied_bytes = 0;  // Only of one just made: by how much the folder grew, before old ones were dropped.
  bool damaged = false;       // Files are missing; only the id is known.
};

struct BackupFolder {
  std::string path;
  std::string encryption_key_file;  // Of the backups in it; "" when they are not encrypted.
  rocksdb::Env* env = nullptr;      // Null: the operating system's.
};

// Backs up a data directory that no process uses, encrypted or not as it is itself. Makes the folder when it is not
// there.
Result<Backup> make_backup(const std::string& data_dir, const BackupFolder& to, size_t keep, Logger& logger);

// Oldest first.
Result<std::vector<Backup>> list_backups(const BackupFolder& folder, Logger& logger);

// Reads the backup (0: the newest) and compares sizes and checksums.
Status verify_backup(const BackupFolder& folder, uint32_t id, Logger& logger);

// Writes the backup (0: the newest) into a directory that is empty or does not exist, checking every file's checksum.
// The new directory is encrypted with the key in `encryption_key_file`, or not when that is "", whichever the backup
// is.
Result<Backup> restore_backup(const BackupFolder& from, uint32_t id, const std::string& data_dir,
                              const std::string& encryption_key_file, Logger& logger);

}  // namespace tidemark::storage
