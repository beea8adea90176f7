// SalvageReader: reads all of a family in key order, over damage. Where the database's own iterator stops (a block with
// a wrong checksum, a file that is gone), the range it cannot read is looked for in each data file by itself, so that
// what is lost is the damaged block and not the same range of every other file.
//
// Inside such a range deletions are not seen: what a newer file deleted may come back from an older one. Deletions of
// whole ranges are not seen anywhere; there are only those of what no longer counts anyway: log records that all
// markers are past, head groups of old generations, windows before the oldest time kept.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/storage/rocks.h"
#include "model/status.h"

namespace tidemark::storage {

class FileMerge;

// How tools read what may be damaged.
rocksdb::ReadOptions salvage_read_options();

// A part of a family that did not read.
struct DamagedRange {
  Family family = Family::kDefault;
  std::string file;   // "" when only the database said so.
  std::string after;  // The last key that read before it; "": from the beginning.
  std::string until;  // The first key that reads again; "": to the end.
  std::string error;
};

class SalvageReader {
 public:
  // Of two values under one key, whether the first is the one to keep. Asked only where files are read one by one, and
  // told which of the two is in the newer file.
  using Prefer = std::function<bool(std::string_view key, std::string_view newer, std::string_view older)>;

  // Null `prefer`: the newer file's.
  SalvageReader(Rocks& rocks, Family family, Prefer prefer = nullptr);
  // Does not ask the database at all but reads these data files.
  SalvageReader(Rocks& rocks, Family family, std::vector<std::string> files, Prefer prefer);
  ~SalvageReader();
  SalvageReader(const SalvageReader&) = delete;
  SalvageReader& operator=(const SalvageReader&) = delete;

  bool next();  // To the first or next entry; false at the end.
  std::string_view key() const { return key_; }
  std::string_view value() const { return value_; }
  const std::vector<DamagedRange>& damage() const { return damage_; }

 private:
  std::unique_ptr<rocksdb::Iterator> iterator();
  bool next_in_database();
  bool next_in_files();
  bool take();
  void enter_files(const std::string& error);

  Rocks& rocks_;
  const Family family_;
  const Prefer prefer_;
  std::unique_ptr<rocksdb::Iterator> at_;  // Null when only files are read.
  std::unique_ptr<FileMerge> files_;       // While a damaged range is read.
  std::string resume_key_;                 // Where the database reads again; "": nowhere.
  bool started_ = false;
  std::string key_;
  std::string value_;
  std::vector<DamagedRange> damage_;
};

}  // namespace tidemark::storage
