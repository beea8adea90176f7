// ShownLabels: collects the label names, or the values of one label, that series with a sample in a range have.
//
// Postings name a series until a rewrite has taken what was deleted of it out of files, and the head's until the series
// leaves memory. So who lists labels from postings alone says which series are suspect: deletes touched them. A text
// that only suspects have is held back; their samples are looked at in the end.
#pragma once

#include <functional>
#include <roaring/roaring.hh>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/storage/match.h"
#include "aggregator/storage/series_set.h"
#include "aggregator/storage/tombstones.h"
#include "model/status.h"

namespace tidemark::storage {

class ShownLabels {
 public:
  // Values of `name`; "": names.
  explicit ShownLabels(std::string_view name) : name_(name) {}

  void add(std::string_view text) { shown_.emplace(text); }
  void add(LabelsView labels);  // Of a series that shows.
  // The texts of one source of postings. `names`: all it has; asked for only when names are collected.
  using Values = std::function<Status(std::string_view name, const PostingsSource::Visit& visit)>;
  Status add(const Values& values, const std::vector<std::string>& names, const Roaring& suspects);
  // The same of a window of a rollup tier.
  Status add(const Values& values, const std::vector<std::string>& names, const Roaring& suspects, Tier tier,
             Window window);

  // Looks at what was held back: for samples in the range, and in windows of rollups for any bucket. `tombstones`: by
  // which series were suspect.
  Status finish(const ReadParts& parts, Position view, StoreSeriesSet::Range range, const TombstoneSet& tombstones);
  // Sorted, at most `limit` (0: all).
  std::vector<std::string> take(size_t limit) const;

 private:
  struct RollupWindow {
    Tier tier;
    Window window;
    Roaring ids;
  };

  // Adds what not only suspects have; whom it was held back of, to the last.
  Status add(const Values& values, const std::vector<std::string>& names, const Roaring& suspects, Roaring& held_back);
  Status finish_rollups(const ReadParts& parts, const TombstoneSet& tombstones);

  const std::string name_;
  std::set<std::string, std::less<>> shown_;
  Roaring held_back_;
  std::vector<RollupWindow> held_back_rollups_;
};

}  // namespace tidemark::storage
