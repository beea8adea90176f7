// The end of RocksDB's list of files (MANIFEST) after a power cut.
//
// RocksDB appends each change of the list and syncs it before it relies on it. When the power goes between the two, a
// file system may keep the new length and not every sector of what was written: zeros. A record that is cut short
// RocksDB takes for the end; one with such a hole it takes for damage, and does not open ("checksum mismatch").
//
// Format: the log's, blocks of 32 kB of records (masked CRC-32C, length, type, payload); RocksDB wiki, "Write Ahead Log
// File Format".
#pragma once

#include <rocksdb/env.h>

#include <cstdint>
#include <optional>
#include <string>

namespace tidemark::storage {

struct ManifestTail {
  std::string path;
  uint64_t kept_bytes = 0;
  uint64_t dropped_bytes = 0;
};

// Cuts the list that CURRENT in `folder` names before the first record that does not read, when that was torn: a sector
// from there on, or what of it is used, lies on the disk as zeros, and no record behind it reads. Otherwise, as
// after a flipped byte, it changes nothing and answers nothing. `env` reads files as RocksDB does, `disk` as they lie
// on the disk (the same, when they are not encrypted). To be called while no database is open there.
std::optional<ManifestTail> cut_torn_manifest(rocksdb::Env& env, rocksdb::Env& disk, const std::string& folder);

}  // namespace tidemark::storage
