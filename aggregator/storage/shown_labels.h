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
#include "model/status.h"

namespace tidemark::storage {

class ShownLabels {
 public:
  // Values of `name`; "": names.
  explicit ShownLabels(std::string_view name) : name_(name) {}

  void add(std::string_view text) { shown_.emplace(text); }
  // The texts of one source of postings. `names`: all it has; asked for only when names are collected.
  using Values = std::function<Status(std::string_view name, const PostingsSource::Visit& visit)>;
  Status add(const Values& values, const std::vector<std::string>& names, const Roaring& suspects);

  // Looks at what was held back.
  Status finish(const ReadParts& parts, Position view, StoreSeriesSet::Range range);
  // Sorted, at most `limit` (0: all).
  std::vector<std::string> take(size_t limit) const;

 private:
  const std::string name_;
  std::set<std::string, std::less<>> shown_;
  Roaring held_back_;
};

}  // namespace tidemark::storage
