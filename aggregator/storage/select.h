// StoreQuerier and its series sets: reading head and files as one.
//
// A querier holds a view (commit_order.h): the last commit published when it was made. A select reads the head first
// and takes its RocksDB snapshot second, so a chunk on its way to files is seen twice and merged, never missed; what
// came after the view is hidden by its timestamps, wherever it is by then. Deletes take effect at once, also for a
// querier that was there before.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "aggregator/storage/head.h"
#include "aggregator/storage/metrics.h"
#include "aggregator/storage/querier.h"
#include "aggregator/storage/rocks.h"
#include "aggregator/storage/series_records.h"
#include "aggregator/storage/tombstones.h"
#include "aggregator/storage/window_index.h"

namespace tidemark::storage {

class ShownLabels;

// What a reader needs of the store. Outlives all queriers.
struct ReadParts {
  Head& head;
  Rocks& rocks;
  SeriesRecords& records;
  Metrics& metrics;
  const Tombstones& tombstones;
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
  struct Times {
    int64_t min_ms;
    int64_t from_ms;  // Of rollups.
    int64_t max_ms;
    Window raw_first;  // Before this day there are no raw samples.
  };

  Result<std::unique_ptr<SeriesSet>> make_set(const std::vector<Matcher>& matchers, const Times& times,
                                              const SelectHints& hints, bool sorted);
  Result<std::unique_ptr<SeriesSet>> make_raw_set(const std::vector<Matcher>& matchers, int64_t min_ms, int64_t max_ms,
                                                  const SelectHints& hints, bool sorted);
  // Windows in files that the range touches, of the tier that answers there.
  using VisitWindow = std::function<Status(WindowIndex& index, Tier tier, Window window)>;
  Status for_each_window(int64_t min_ms, int64_t max_ms, const VisitWindow& visit) const;
  // Values of the label; names when it is "".
  Result<std::vector<std::string>> list_labels(std::string_view name, const std::vector<Matcher>& matchers,
                                               int64_t min_ms, int64_t max_ms, size_t limit);
  Status add_labels_of_head(std::string_view name, ShownLabels& shown) const;
  static Status add_labels_of_window(WindowIndex& index, Tier tier, Window window, const Roaring& suspects,
                                     std::string_view name, ShownLabels& shown);
  int64_t clip(int64_t min_ms) const;

  const ReadParts parts_;
  const ReaderEpochs::Hold hold_;  // Before anything is looked at.
  const Position view_;
};

}  // namespace tidemark::storage
