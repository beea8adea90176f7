// BatchWriter: samples into a store, in batches of bounded size. It keeps the refs of the series it saw last, so that
// labels are looked up once a series and not once a sample.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "aggregator/storage/appender.h"
#include "model/labels.h"
#include "model/native_histogram.h"
#include "model/sample.h"
#include "model/status.h"

namespace tidemark::tsdb {

class BatchWriter {
 public:
  explicit BatchWriter(storage::Appender& store) : store_(store) {}

  // Names the series of the samples that follow. Stays valid until the next call.
  void series(const Labels& labels);
  // Commits when the batch is full. REQUIRES: series() was called.
  Status add(int64_t t_ms, double v, int64_t start_ms = kNoStart);
  Status add(int64_t t_ms, HistogramRef histogram, int64_t start_ms = kNoStart);
  // Commits what is left.
  Status flush();

  const storage::CommitReport& report() const { return report_; }  // Of all that was committed.

 private:
  struct Series {
    Labels labels;
    storage::SeriesRef ref = storage::kNoRef;
  };

  void add_to(storage::Batch& batch, size_t series, int64_t t_ms, const storage::Value& value);
  Status send_again(const std::vector<size_t>& samples);
  void count(storage::Outcome outcome) { ++report_.count[static_cast<size_t>(outcome)]; }

  storage::Appender& store_;
  storage::Batch batch_;
  std::vector<HistogramRef> histograms_;               // That the batch points to.
  std::vector<size_t> series_of_;                      // By sample of the batch: index into series_.
  std::vector<Series> series_;                         // Bounded: forgotten as a whole when full.
  std::unordered_map<std::string, size_t> by_labels_;  // Encoded labels.
  size_t current_ = 0;
  storage::CommitReport report_;
};

// "3 duplicate, 1 too_new"; "" when all were accepted.
std::string describe_refusals(const storage::CommitReport& report);

}  // namespace tidemark::tsdb
