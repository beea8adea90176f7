// Querier: the store as its readers see it. Pull: a set of series, each a reader that fills the caller's columns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "model/labels.h"
#include "model/matcher.h"
#include "model/sample.h"
#include "model/status.h"

namespace tidemark::storage {

// What the query is going to do with the samples. An offer: storage may use it to read less, and need not.
struct SelectHints {
  int64_t step_ms = 0;   // 0 for an instant query.
  int64_t range_ms = 0;  // Of the range selector; 0 for an instant one.
  std::string
      function;  // The function or aggregation directly around the selector; "series" when only labels are wanted.
};

// Decodes one series' samples, oldest first, no timestamp twice.
class SampleReader {
 public:
  virtual ~SampleReader() = default;

  // Writes float samples into the caller's columns and returns how many; 0 is the end or an error. Staleness markers
  // come through as the NaN they are. REQUIRES: t_ms.size() == v.size(), not empty. Belongs to one thread.
  virtual size_t next(std::span<int64_t> t_ms, std::span<double> v) = 0;

  // OK after a clean end. Look once, after next() returned 0.
  virtual Status status() const = 0;
};

// Series in label order when asked for, else in any order that stays the same while the data does. A series may turn
// out to have no sample in the range: chunks are only decoded when read. One thread.
class SeriesSet {
 public:
  virtual ~SeriesSet() = default;

  virtual bool next() = 0;                // Moves to the first or next series; false at the end or on an error.
  virtual LabelsView labels() const = 0;  // Of the current series. Valid until next().
  virtual SampleReader& samples() = 0;    // Of the current series, from its beginning. Valid until next().
  virtual Status status() const = 0;      // OK after a clean end.
  virtual std::vector<std::string> warnings() const { return {}; }  // E.g. an unreadable chunk that was skipped.
};

// One consistent view for the whole of a query: what was committed before it was made is in it, what comes later is
// not torn. Bounds are inclusive. Thread-safe for concurrent selects.
class Querier {
 public:
  virtual ~Querier() = default;

  // Never null: a failed select is an empty set with a status. REQUIRES: at least one matcher.
  virtual std::unique_ptr<SeriesSet> select(const std::vector<Matcher>& matchers, int64_t min_ms, int64_t max_ms,
                                            const SelectHints& hints, bool sorted) = 0;

  // Sorted, unique, at most `limit` (0: all), of the series that match every matcher (none: all series).
  virtual Result<std::vector<std::string>> label_names(const std::vector<Matcher>& matchers, int64_t min_ms,
                                                       int64_t max_ms, size_t limit) = 0;
  virtual Result<std::vector<std::string>> label_values(std::string_view name, const std::vector<Matcher>& matchers,
                                                        int64_t min_ms, int64_t max_ms, size_t limit) = 0;
};

class Queryable {
 public:
  virtual ~Queryable() = default;
  // Thread-safe. The querier must not outlive the Queryable.
  virtual Result<std::unique_ptr<Querier>> querier() = 0;
};

}  // namespace tidemark::storage
