// SeriesRecords: series as the series family knows them, active or not.
#pragma once

#include <rocksdb/iterator.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/storage/keys.h"
#include "aggregator/storage/rocks.h"
#include "model/labels.h"

namespace tidemark::storage {

class SeriesRecords {
 public:
  explicit SeriesRecords(Rocks& rocks) : rocks_(rocks) {}

  // Many lookups in a row share an iterator. One thread, short-lived.
  class Lookup {
   public:
    explicit Lookup(SeriesRecords& records);
    // The id of the label set, if it ever had one and still has its record.
    Result<std::optional<SeriesId>> find(uint64_t hash, LabelsView labels);

   private:
    SeriesRecords& records_;
    std::unique_ptr<rocksdb::Iterator> hashes_;
  };

  // Reads one record after the other, passing over few and seeking across many. One thread, short-lived.
  class Cursor {
   public:
    Cursor(SeriesRecords& records, const rocksdb::ReadOptions& options);
    // The labels, encoded, until the next call; "" where there is no record or none that reads. Quickest by rising ids.
    std::string_view labels(SeriesId id);
    // Of the last read: damage, or a disk that fails. What lies behind damage is read by the next call.
    const rocksdb::Status& failed() const { return failed_; }

   private:
    SeriesRecords& records_;
    const rocksdb::ReadOptions options_;
    std::unique_ptr<rocksdb::Iterator> at_;
    rocksdb::Status failed_;
  };

  // kNotFound when there is no record; kCorruption when it is no label set.
  Result<std::string> labels(SeriesId id, const rocksdb::Snapshot* snapshot = nullptr);
  // For each of `ids`, "" where there is no record or none that reads. Quickest by rising ids.
  std::vector<std::string> labels(const std::vector<SeriesId>& ids, const rocksdb::Snapshot* snapshot = nullptr);
  // One more than the highest id there is a record of.
  Result<SeriesId> next_id();

  // The labels of a new series. Its hash follows with the next checkpoint: until then it is in memory, where it is
  // found first, and writing hashes one by one would cost more than all the rest of a new series.
  void define(rocksdb::WriteBatch& batch, SeriesId id, LabelsView labels);
  void erase(rocksdb::WriteBatch& batch, SeriesId id, uint64_t hash);

 private:
  Rocks& rocks_;
};

}  // namespace tidemark::storage
