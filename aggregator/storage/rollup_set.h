// RollupSeriesSet: the series of one select that rollups answer, wholly or up to a time from which on raw samples do.
// What the samples of a bucket are is told in querier.h, at Folded.
#pragma once

#include <memory>
#include <roaring/roaring.hh>
#include <string>
#include <vector>

#include "aggregator/storage/rollup.h"
#include "aggregator/storage/select.h"
#include "aggregator/storage/tier_plan.h"

namespace tidemark::storage {

class RollupSeriesSet final : public SeriesSet {
 public:
  struct Request {
    const std::vector<Matcher>& matchers;
    int64_t min_ms;
    int64_t max_ms;
    const SelectHints& hints;
    TierPlan plan;  // With at least one rollup.
  };

  // `raw`: what raw samples add from plan.raw_from on, sorted by labels. Null: nothing.
  static Result<std::unique_ptr<SeriesSet>> make(const ReadParts& parts, const Request& request,
                                                 std::unique_ptr<SeriesSet> raw);
  ~RollupSeriesSet() override;
  RollupSeriesSet(const RollupSeriesSet&) = delete;
  RollupSeriesSet& operator=(const RollupSeriesSet&) = delete;

  bool next() override;  // Sorted by labels.
  LabelsView labels() const override;
  SampleReader& samples() override;
  Status status() const override;
  std::vector<std::string> warnings() const override;
  std::vector<std::string> infos() const override;
  std::vector<Resolution> resolutions() const override;

 private:
  class Reader;
  struct Series {
    SeriesId id;
    std::string labels;
  };
  // One window of a stretch, and which series match there.
  struct Part {
    Tier tier;
    Window window;
    Window first_day;
    Window last_day;
    Roaring ids;
  };

  RollupSeriesSet(const ReadParts& parts, const Request& request, std::unique_ptr<SeriesSet> raw);
  Status match(const std::vector<Matcher>& matchers, Roaring& ids);
  bool advance();
  // Whether rollups have something of the series in the range; postings may name it for less.
  bool has_bucket(SeriesId id);
  void load_labels(const Roaring& ids);
  // The part's buckets of the series, of the days that the part stands for. Empty where nothing reads.
  std::vector<Bucket> buckets(const Part& part, SeriesId id);
  void warn(const std::string& what);

  const ReadParts parts_;
  const TierPlan plan_;
  const int64_t min_ms_;
  const int64_t max_ms_;
  const std::string function_;
  const RollupAnswer answer_;
  const bool labels_only_;
  const std::unique_ptr<SeriesSet> raw_;
  std::shared_ptr<const TombstoneSet> tombstones_;
  const rocksdb::Snapshot* snapshot_ = nullptr;
  std::vector<Part> reads_;  // By time.
  std::vector<Series> series_;
  size_t at_ = 0;
  bool begun_ = false;
  bool in_rollups_ = false;  // Where the current series is.
  bool in_raw_ = false;
  bool raw_left_ = false;
  std::unique_ptr<Reader> reader_;
  Status status_;
  std::vector<std::string> warnings_;
};

}  // namespace tidemark::storage
