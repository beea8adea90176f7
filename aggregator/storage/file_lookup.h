// FileLookup: what the files hold of one series at one time, for samples that come late. One thread, short-lived: it
// keeps an iterator, and the last chunks it decoded, because late samples of a series come together.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "aggregator/storage/keys.h"
#include "aggregator/storage/rocks.h"
#include "aggregator/storage/tombstones.h"
#include "model/native_histogram.h"

namespace tidemark::storage {

class FileLookup {
 public:
  // `tombstones`: what they cover counts as absent. Null: for last_ms() only.
  explicit FileLookup(Rocks& rocks, std::shared_ptr<const TombstoneSet> tombstones = nullptr)
      : rocks_(rocks), tombstones_(std::move(tombstones)) {}

  // The value that counts at a time: a float, a histogram with the hint it came with, or neither.
  struct Found {
    std::optional<uint64_t> v_bits;
    HistogramRef histogram;
  };
  // What does not read counts as none.
  Result<Found> find(SeriesId series, int64_t t_ms);

  // A time after which the files hold nothing of the series: its last sample's if that is in the window of `from_ms` or
  // one of the few after it, else one between that and `newest_ms`, after which no file holds anything.
  Result<int64_t> last_ms(SeriesId series, int64_t from_ms, int64_t newest_ms);

 private:
  struct Decoded {
    Position version;
    std::vector<int64_t> t_ms;
    std::vector<double> v;
    std::vector<HistogramRef> histograms;  // In place of v, in a chunk of them.
  };
  Status load(SeriesId series, Window window);
  rocksdb::Iterator& chunks();
  // Of the iterator; OK, but told, where files are damaged.
  Status status();

  Rocks& rocks_;
  const std::shared_ptr<const TombstoneSet> tombstones_;
  std::unique_ptr<rocksdb::Iterator> chunks_;
  SeriesId series_ = 0;  // What decoded_ is of.
  Window window_ = 0;
  std::vector<Decoded> decoded_;  // By version.
};

}  // namespace tidemark::storage
