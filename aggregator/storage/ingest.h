// Ingest: sorted files made beside the database and taken into several families by one atomic step.
//
// RocksDB puts a file as deep as it may, so it looks into the blocks that the file's keys lie among, and refuses all of
// it when one of them does not read. Files of one family that overlap each other, while there is a snapshot, go to
// level 0 unseen. So after damage it is tried again with a snapshot and one file more for each family: the first entry
// of all, which says twice what is said anyway.
#pragma once

#include <rocksdb/sst_file_writer.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "aggregator/storage/rocks.h"

namespace tidemark::storage {

class Ingest {
 public:
  // Makes `dir` empty.
  static Result<std::unique_ptr<Ingest>> begin(Rocks& rocks, const std::string& dir);
  ~Ingest();  // Removes its files.
  Ingest(const Ingest&) = delete;
  Ingest& operator=(const Ingest&) = delete;

  // Keys come in rising order within a file; files of one family must not overlap.
  Status put(std::string_view key, std::string_view value);
  Status merge(std::string_view key, std::string_view value);
  Status erase(std::string_view key);
  // Ends the file before, if any, and begins one for the family.
  Status next_file(Family family);

  // All or nothing, and on disk when it returns.
  Status commit();

 private:
  Ingest(Rocks& rocks, std::string dir) : rocks_(rocks), dir_(std::move(dir)) {}
  Status finish_file();
  enum class Kind { kPut, kMerge, kErase };
  struct Entry {
    Kind kind = Kind::kPut;
    std::string key;
    std::string value;
  };
  Status add(Kind kind, std::string_view key, std::string_view value);
  rocksdb::Status take_in();
  Status add_overlaps();

  Rocks& rocks_;
  const std::string dir_;
  std::unique_ptr<rocksdb::SstFileWriter> writer_;
  std::string path_;
  Family family_ = Family::kDefault;
  size_t entries_ = 0;  // In the current file. RocksDB refuses empty ones.
  size_t file_count_ = 0;
  std::map<Family, std::vector<std::string>> files_;
  std::map<Family, Entry> first_;  // Of each family's first file.
};

}  // namespace tidemark::storage
