// SeriesFeed: the records of many series, read and checked in a thread of its own, ahead of who takes them.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "aggregator/storage/keys.h"
#include "aggregator/storage/rocks.h"
#include "aggregator/storage/series_records.h"
#include "model/mutex.h"

namespace tidemark::storage {

// A series that is back in memory, under the slot of its shard.
struct SeriesSlot {
  SeriesId id;
  uint32_t slot;
};

class SeriesFeed {
 public:
  struct One {
    SeriesSlot series;
    uint64_t hash = 0;
    std::string_view labels;  // Encoded; in the batch. "" when there is no record that reads.
  };
  struct Batch {
    std::vector<One> series;
    std::string bytes;
  };

  // `series` by rising id.
  SeriesFeed(Rocks& rocks, std::vector<SeriesSlot> series);
  ~SeriesFeed();
  SeriesFeed(const SeriesFeed&) = delete;
  SeriesFeed& operator=(const SeriesFeed&) = delete;

  // The next ones in order, at least one. Null after the last, and when a read failed: see status(). Records in damaged
  // files are as if there were none; that is reported.
  std::unique_ptr<Batch> next();
  Status status();

 private:
  void run();
  // False when the reader is to stop.
  bool hand_over(std::unique_ptr<Batch> batch);
  Status read(SeriesRecords::Cursor& at, size_t begin, size_t end, Batch& batch);

  Rocks& rocks_;
  const std::vector<SeriesSlot> series_;
  Mutex mu_;
  CondVar changed_;
  std::deque<std::unique_ptr<Batch>> ready_ TM_GUARDED_BY(mu_);
  Status status_ TM_GUARDED_BY(mu_);
  bool done_ TM_GUARDED_BY(mu_) = false;
  bool stopping_ TM_GUARDED_BY(mu_) = false;
  std::thread reader_;
};

}  // namespace tidemark::storage
