// SalvageSource: a damaged data directory, opened so that it can be read without being changed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "aggregator/storage/rocks.h"
#include "aggregator/storage/salvage_reader.h"
#include "aggregator/storage/verify.h"

namespace tidemark::storage {

class SalvageSource {
 public:
  // Holds the directory's lock, so that no server starts on it meanwhile. The hard links go with the source.
  static Result<std::unique_ptr<SalvageSource>> open(const OfflineStore& store, Logger& logger);
  ~SalvageSource();
  SalvageSource(const SalvageSource&) = delete;
  SalvageSource& operator=(const SalvageSource&) = delete;

  Rocks& rocks() { return *rocks_; }
  bool file_list_was_lost() const { return file_list_was_lost_; }
  // All of the family. Families that are ingested are read file by file when the list of files was lost: with it went
  // the order of what they say under one key.
  std::unique_ptr<SalvageReader> reader(Family family);

 private:
  explicit SalvageSource(std::string links) : links_(std::move(links)) {}
  Status start(const OfflineStore& store, Logger& logger);
  Status lock(const OfflineStore& store, const DataDir& dir);
  Status link_files(const DataDir& from, const DataDir& to);
  std::vector<std::string> files_of(Family family);

  const std::string links_;
  DataDir dir_;
  rocksdb::Env* lock_env_ = nullptr;
  rocksdb::FileLock* lock_ = nullptr;
  std::unique_ptr<Rocks> rocks_;
  bool file_list_was_lost_ = false;
};

}  // namespace tidemark::storage
