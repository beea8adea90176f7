// Querier: the store as its readers see it. Pull: a set of series, each a reader that fills the caller's columns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/labels.h"
#include "model/matcher.h"
#include "model/native_histogram.h"
#include "model/sample.h"
#include "model/status.h"

namespace tidemark::storage {

// What the query is going to do with the samples. An offer: storage may use it to read less, and need not.
struct SelectHints {
  int64_t step_ms = 0;   // 0 for an instant query.
  int64_t range_ms = 0;  // Of the range selector; 0 for an instant one.
  std::string
      function;  // The function or aggregation directly around the selector; "series" when only labels are wanted.
  // Rollups up to this resolution may answer although raw samples are there. 0: only where nothing else is left.
  // -1: none, stored samples or nothing.
  int64_t max_resolution_ms = 0;
  bool start_times = false;  // SampleReader::starts() is going to be asked.
  bool newest_only = false;  // Of each series only the newest sample in the range is of use; there may be others.
  // Sorted. When set, SeriesSet::labels() may leave out labels with other names, so that series are no longer told
  // apart by them. Without effect on a sorted select.
  std::optional<std::vector<std::string>> labels = {};
};

// Of samples that a rollup answers with: what each stands for. Empty spans: each is a sample as it was stored.
//
//   function                      samples, one or two a bucket                      of use
//   sum, count, avg (over time)   the bucket's sum, at its last sample's time       count
//   min, max (over time)          the bucket's, at its last sample's time
//   first_over_time               the first sample
//   rate, increase, delta,        the first and the last sample, which is followed  count, resets, resets_sum
//   resets; with a warning        as if all between were there
//   irate, deriv and their like
//   any other, an instant         the last sample, and a staleness marker when
//   selector                      the series ended in the bucket
struct Folded {
  std::span<const double> count;  // Stored samples it stands for; of a bucket's two, the first for itself alone.
  // Between it and the sample before: how often the value fell, and the sum of the values before the falls. NaN where
  // nothing was folded, and the two samples tell.
  std::span<const double> resets;
  std::span<const double> resets_sum;
};

// Decodes one series' samples, oldest first, no timestamp twice.
class SampleReader {
 public:
  virtual ~SampleReader() = default;

  // Writes float samples into the caller's columns and returns how many; 0 is the end or an error. Staleness markers
  // come through as the NaN they are. REQUIRES: t_ms.size() == v.size(), not empty. Belongs to one thread.
  virtual size_t next(std::span<int64_t> t_ms, std::span<double> v) = 0;

  // The series' native histograms, a stream of their own beside the floats, likewise oldest first: no timestamp is in
  // both. The marker that ends a series is a float, whatever came before it. Hints say what hint_as_stored() would.
  // REQUIRES: t_ms.size() == histograms.size(), not empty.
  virtual size_t next_histograms(std::span<int64_t> /*t_ms*/, std::span<HistogramRef> /*histograms*/) { return 0; }

  // Of the samples the last next() wrote. Valid until the next.
  virtual Folded folded() const { return {}; }

  // Start timestamps of the samples the last next() wrote, kNoStart for those without one. Empty when none of them has
  // one, when the hints did not ask, and of rollups, which keep none. Valid until the next.
  virtual std::span<const int64_t> starts() const { return {}; }

  // The same of the histograms the last next_histograms() wrote.
  virtual std::span<const int64_t> histogram_starts() const { return {}; }

  // OK after a clean end. Look once, after next() or next_histograms() returned 0.
  virtual Status status() const = 0;
};

// Up to and including a time, an answer comes from buckets of that length.
struct Resolution {
  int64_t until_ms = 0;
  int64_t resolution_ms = 0;
};

// Series in label order when asked for, else in any order that stays the same while the data does. A series may turn
// out to have no sample in the range: chunks are only decoded when read. One thread.
class StripedSet;
class SeriesSet {
 public:
  virtual ~SeriesSet() = default;

  virtual bool next() = 0;                // Moves to the first or next series; false at the end or on an error.
  virtual LabelsView labels() const = 0;  // Of the current series. Valid until next().
  virtual SampleReader& samples() = 0;    // Of the current series, from its beginning. Valid until next().
  // All that samples() would give, where that is one float and known without decoding. Null otherwise.
  virtual const Sample* only_sample() const { return nullptr; }
  virtual Status status() const = 0;                                // OK after a clean end.
  virtual std::vector<std::string> warnings() const { return {}; }  // E.g. an unreadable chunk that was skipped.
  virtual std::vector<std::string> infos() const { return {}; }     // E.g. that rollups answered.
  // By time. After the last one's, raw samples answer; so none means raw samples throughout.
  virtual std::vector<Resolution> resolutions() const { return {}; }

  // Stripes of some of the series each, that several threads can read at a time; what next() gives is theirs one after
  // the other. 0 when the set is read as a whole only.
  virtual size_t stripes() const { return 0; }
  // A reader of stripes for one thread. Must not outlive the querier. REQUIRES: stripes() > 0.
  virtual std::unique_ptr<StripedSet> stripe_reader() const { return nullptr; }
};

// A set of which next() gives the series of one stripe after the other, as they are asked for.
class StripedSet : public SeriesSet {
 public:
  virtual void begin_stripe(size_t stripe) = 0;  // Forgets what is left of the one before.
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
