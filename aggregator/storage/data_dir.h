// The data directory before RocksDB looks at it:
//
//   <path>/tidemark.format   "tidemark storage format 2\n"; an older program stops here
//   <path>/tidemark.encryption   whether there is a key, and which (encryption_key.h)
//   <path>/rocks/            RocksDB's directory; its LOCK keeps a second process out
//   <path>/ingest/           files of a checkpoint under way; emptied at start
#pragma once

#include <string>

#include "model/status.h"

namespace tidemark::storage {

// Raised whenever an older program would misread the bytes, or take them for damage. A store of an older number is read
// as it is, and gets this one when it is opened to be written to.
//
//   1  the first
//   2  start timestamps (chunk codec 4, flags 4 and 8 of head groups, log runs 0x10 and 0x11) and native histograms
//      (chunk codec 5, flag 16, log run 0x11)
inline constexpr unsigned kFormat = 2;

inline constexpr char kFormatFileName[] = "tidemark.format";

struct DataDir {
  std::string path;
  std::string rocks;
  std::string ingest;
};

// Writes the format into a folder that has none. Fails when the one there is newer.
Status mark_format(const std::string& path);

// Writes our format over an older one. To be called before anything else is written, and once nobody else can have the
// folder open: an older program that has would not start on it again. Fails as mark_format() does. True when it did.
Result<bool> raise_format(const std::string& path);

// Makes what is missing. Fails, naming the path and the remedy, when that is not possible or the format is newer.
Result<DataDir> prepare_data_dir(const std::string& path);

// Of a directory that must be there already; makes nothing.
Result<DataDir> find_data_dir(const std::string& path);

}  // namespace tidemark::storage
