// StoreSeriesSet: the series of one select. Head samples were copied when it was made; chunks in files are read series
// by series, under one snapshot.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <roaring/roaring.hh>
#include <utility>

#include "aggregator/storage/chunk_merge.h"
#include "aggregator/storage/select.h"

namespace tidemark::storage {

class StoreSeriesSet final : public SeriesSet {
 public:
  struct Range {
    int64_t min_ms;
    int64_t max_ms;
  };

  // Reads everything but the chunks in files.
  static Result<std::unique_ptr<SeriesSet>> make(const ReadParts& parts, Position view,
                                                 const std::vector<Matcher>& matchers, Range range, bool sorted);
  ~StoreSeriesSet() override;
  StoreSeriesSet(const StoreSeriesSet&) = delete;
  StoreSeriesSet& operator=(const StoreSeriesSet&) = delete;

  bool next() override;
  LabelsView labels() const override { return LabelsView(series_[at_].labels); }
  SampleReader& samples() override;
  Status status() const override { return status_; }
  std::vector<std::string> warnings() const override { return warnings_; }

 private:
  struct Series {
    SeriesId id;
    std::string labels;
  };

  StoreSeriesSet(const ReadParts& parts, Range range) : parts_(parts), range_(range) {}
  Status copy_head(const std::vector<Matcher>& matchers, Position view);
  Status match_files(const std::vector<Matcher>& matchers, Roaring& ids);
  void load_labels(const Roaring& ids);
  std::vector<ReadChunk> read_chunks(SeriesId id);
  void warn(const std::string& what);

  const ReadParts parts_;
  const Range range_;
  const rocksdb::Snapshot* snapshot_ = nullptr;
  std::unique_ptr<rocksdb::Iterator> chunks_;
  absl::flat_hash_map<SeriesId, HeadCopy> head_;
  absl::flat_hash_map<SeriesId, std::string> head_labels_;  // Until load_labels() takes them.
  std::vector<std::pair<Window, Roaring>> windows_;         // In files: which series match.
  std::vector<Series> series_;
  size_t at_ = 0;
  bool begun_ = false;
  ChunkMerge reader_;
  Status status_;
  std::vector<std::string> warnings_;
};

}  // namespace tidemark::storage
