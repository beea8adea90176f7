// StoreSeriesSet: the series of one select, some hundred at a time: their labels and a copy of their head samples are
// in memory together, chunks in files are read series by series.
//
// Head first, snapshot second: what a checkpoint moves from one to the other meanwhile is seen twice and merged, never
// missed. When one has let go of something since the snapshot, the next group of series gets a new snapshot; what came
// after the query's view stays hidden by its times.
#pragma once

#include <functional>
#include <optional>
#include <roaring/roaring.hh>
#include <utility>

#include "aggregator/storage/chunk_cursors.h"
#include "aggregator/storage/chunk_merge.h"
#include "aggregator/storage/select.h"

namespace tidemark::storage {

// A series of which one sample is of use.
class SingleSample final : public SampleReader {
 public:
  void reset(const Sample& sample) {
    sample_ = sample;
    rewind();
  }
  void rewind() { given_ = false; }
  size_t next(std::span<int64_t> t_ms, std::span<double> v) override {
    if (given_) return 0;
    given_ = true;
    t_ms[0] = sample_.t_ms;
    v[0] = sample_.v;
    return 1;
  }
  Status status() const override { return {}; }

 private:
  Sample sample_;
  bool given_ = true;
};

class StoreSeriesSet final : public StripedSet {
 public:
  struct Range {
    int64_t min_ms;
    int64_t max_ms;
    bool newest_only = false;  // Only the newest sample in it is of use.
  };

  struct Needs {
    bool sorted = false;  // By labels.
    // Only series with a sample in the range, which may have to be decoded to know. Otherwise those that deletes left
    // without one are left out, and others may show for a chunk that reaches over the range.
    bool with_samples = false;
    bool start_times = false;                             // SampleReader::starts().
    std::optional<std::vector<std::string>> labels = {};  // As SelectHints::labels.
  };

  static Result<std::unique_ptr<SeriesSet>> make(const ReadParts& parts, Position view,
                                                 const std::vector<Matcher>& matchers, Range range, const Needs& needs);
  // Those of `ids` that have a sample in the range, in no order.
  static Result<std::unique_ptr<SeriesSet>> make(const ReadParts& parts, Position view, const Roaring& ids,
                                                 Range range);
  ~StoreSeriesSet() override;
  StoreSeriesSet(const StoreSeriesSet&) = delete;
  StoreSeriesSet& operator=(const StoreSeriesSet&) = delete;

  bool next() override;
  LabelsView labels() const override { return LabelsView(group_[at_].labels); }
  SampleReader& samples() override;
  const Sample* only_sample() const override { return group_[at_].newest ? &*group_[at_].newest : nullptr; }
  Status status() const override { return status_; }
  std::vector<std::string> warnings() const override { return warnings_; }
  size_t stripes() const override;
  std::unique_ptr<StripedSet> stripe_reader() const override;
  void begin_stripe(size_t stripe) override;

 private:
  struct Series {
    SeriesId id = 0;
    bool known = false;  // Its labels are.
    std::string labels;
    HeadCopy head;
    std::optional<Sample> newest;  // All that is of use.
  };

  StoreSeriesSet(const ReadParts& parts, Position view, Range range, Needs needs)
      : parts_(parts), view_(view), range_(range), needs_(std::move(needs)), chunks_(parts.rocks) {
    if (needs_.start_times) reader_.ask_starts();
  }
  void set_ids(const Roaring& ids, bool sorted);
  void take_snapshot();
  using Find = std::function<Result<Roaring>(WindowIndex&, Window)>;
  // Adds to windows_ and `ids` what is found in files of the snapshot and was alive in the range.
  Status find_in_files(const Find& find, Roaring& ids);
  void sort_by_labels(std::vector<SeriesId>& ids);
  // The next group of ids: labels and head samples.
  bool load_group();
  void load_labels(std::vector<Series>& group);
  void load_labels_of_head(std::vector<Series>& group);
  // All labels of the current series, for a message.
  std::string all_labels();
  Status copy_head(std::vector<Series>& group);
  bool begin_series();
  bool has_sample(const std::vector<ReadChunk>& chunks, int64_t max_ms);
  std::string spare_string();  // Empty.
  void keep_spare(std::string text);
  ReadChunk copy_of(const ChunkView& chunk, Position version);
  std::vector<ReadChunk> read_chunks(SeriesId id);
  // Counts it, logs it, and says it in the warnings.
  void warn_of_damage(const std::string& what, const std::string& error);
  // Appends the series' chunks of one window. False when they do not read.
  bool read_window(Window window, SeriesId id, std::vector<ReadChunk>& out);

  const ReadParts parts_;
  const Position view_;
  const Range range_;
  const Needs needs_;
  Roaring head_ids_;
  std::vector<std::pair<Window, Roaring>> windows_;   // In files: which series match.
  std::shared_ptr<const std::vector<SeriesId>> ids_;  // All, in the order they are read.
  size_t ids_taken_ = 0;
  size_t ids_end_ = 0;  // Of what is to be read.
  std::vector<Series> group_;
  std::vector<std::string> spare_;  // Memory of series that are done with: labels and chunks.
  size_t at_ = 0;
  bool begun_ = false;

  std::shared_ptr<const TombstoneSet> tombstones_;
  bool subtracted_ = false;  // Deleted samples were taken out of the current series' chunks.
  const rocksdb::Snapshot* snapshot_ = nullptr;
  uint64_t lifetimes_version_ = 0;  // Of the snapshot, or 0.
  uint64_t checkpoints_ = 0;        // That had let go of something when the snapshot was taken.
  ChunkCursors chunks_;
  ChunkMerge reader_;
  SingleSample single_;
  Status status_;
  std::vector<std::string> warnings_;
};

}  // namespace tidemark::storage
