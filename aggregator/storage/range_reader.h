// RangeReader: entries of a family in key order, over damage: where RocksDB's iterator stops, the files are read one by
// one around the blocks that do not read (salvage_reader.h), which are reported. For recovery, which must get by with
// what there is. Deletions are not seen in such a stretch: what they deleted must be told by its key.
#pragma once

#include <rocksdb/db.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "aggregator/storage/rocks.h"
#include "model/status.h"

namespace tidemark::storage {

// One thread.
class RangeReader {
 public:
  // False: no more.
  using Visit = std::function<bool(std::string_view key, std::string_view value)>;

  RangeReader(Rocks& rocks, Family family, const rocksdb::ReadOptions& options);

  // Visits entries from key `from` on. Any number of times; in rising order is cheapest.
  Status read(const std::string& from, const Visit& visit);

  bool met_damage() const { return met_damage_; }

 private:
  std::unique_ptr<rocksdb::Iterator> iterator();
  void read_files(const std::string& from, const std::string& after, const Visit& visit);

  Rocks& rocks_;
  const Family family_;
  const rocksdb::ReadOptions options_;
  std::unique_ptr<rocksdb::Iterator> at_;
  bool met_damage_ = false;
};

}  // namespace tidemark::storage
