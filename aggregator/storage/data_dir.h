// The data directory before RocksDB looks at it:
//
//   <path>/tidemark.format   "tidemark storage format 1\n"; an older program stops here
//   <path>/tidemark.encryption   whether there is a key, and which (encryption_key.h)
//   <path>/rocks/            RocksDB's directory; its LOCK keeps a second process out
//   <path>/ingest/           files of a checkpoint under way; emptied at start
#pragma once

#include <string>

#include "model/status.h"

namespace tidemark::storage {

// Raised whenever an older program would misread the bytes.
inline constexpr unsigned kFormat = 1;

inline constexpr char kFormatFileName[] = "tidemark.format";

struct DataDir {
  std::string path;
  std::string rocks;
  std::string ingest;
};

// Writes the format into a folder that has none. Fails when the one there is newer.
Status mark_format(const std::string& path);

// Makes what is missing. Fails, naming the path and the remedy, when that is not possible or the format is newer.
Result<DataDir> prepare_data_dir(const std::string& path);

// Of a directory that must be there already; makes nothing.
Result<DataDir> find_data_dir(const std::string& path);

}  // namespace tidemark::storage
