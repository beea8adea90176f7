// StoreQuerier and its series sets: reading head and files as one.
//
// A querier holds a view (commit_order.h): the last commit published when it was made. A select reads the head first
// and takes its RocksDB snapshot second, so a chunk on its way to files is seen twice and merged, never missed; what
// came after the view is hidden by its timestamps, wherever it is by then.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "aggregator/storage/head.h"
#include "aggregator/storage/metrics.h"
#include "aggregator/storage/querier.h"
#include "aggregator/storage/rocks.h"
#include "aggregator/storage/series_records.h"
#include "aggregator/storage/window_index.h"

namespace tidemark::storage {

// What a reader needs of the store. Outlives all queriers.
struct ReadParts {
  Head& head;
  Rocks& rocks;
  SeriesRecords& records;
  Metrics& metrics;
};

class StoreQuerier final : public Querier {
 public:
  explicit StoreQuerier(const ReadParts& parts);
  ~StoreQuerier() override;
  StoreQuerier(const StoreQuerier&) = delete;
  StoreQuerier& operator=(const StoreQuerier&) = delete;

  std::unique_ptr<SeriesSet> select(const std::vector<Matcher>& matchers, int64_t min_ms, int64_t max_ms,
                                    const SelectHints& hints, bool sorted) override;
  Result<std::vector<std::string>> label_names(const std::vector<Matcher>& matchers, int64_t min_ms, int64_t max_ms,
                                               size_t limit) override;
  Result<std::vector<std::string>> label_values(std::string_view name, const std::vector<Matcher>& matchers,
                                                int64_t min_ms, int64_t max_ms, size_t limit) override;

 private:
  // Windows in files that the range touches. Empty when the range is.
  Result<std::vector<Window>> windows(WindowIndex& index, int64_t min_ms, int64_t max_ms) const;
  int64_t clip(int64_t min_ms) const;

  const ReadParts parts_;
  const Position view_;
};

}  // namespace tidemark::storage
