// Ingest: sorted files made beside the database and taken into several families by one atomic step.
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

  Rocks& rocks_;
  const std::string dir_;
  std::unique_ptr<rocksdb::SstFileWriter> writer_;
  std::string path_;
  Family family_ = Family::kDefault;
  size_t entries_ = 0;  // In the current file. RocksDB refuses empty ones.
  size_t file_count_ = 0;
  std::map<Family, std::vector<std::string>> files_;
};

}  // namespace tidemark::storage
