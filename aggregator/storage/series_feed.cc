#include "aggregator/storage/series_feed.h"

#include <algorithm>

#include "aggregator/storage/series_index.h"
#include "model/labels.h"

namespace tidemark::storage {
namespace {

constexpr size_t kBatchSeries = 4096;
constexpr size_t kReadyMax = 4;  // Batches.

}  // namespace

SeriesFeed::SeriesFeed(Rocks& rocks, std::vector<SeriesSlot> series) : rocks_(rocks), series_(std::move(series)) {
  reader_ = std::thread([this] { run(); });
}

SeriesFeed::~SeriesFeed() {
  {
    const MutexLock lock(mu_);
    stopping_ = true;
    changed_.notify_all();
  }
  reader_.join();
}

std::unique_ptr<SeriesFeed::Batch> SeriesFeed::next() {
  const MutexLock lock(mu_);
  while (ready_.empty() && !done_) changed_.wait(mu_);
  if (ready_.empty()) return nullptr;
  std::unique_ptr<Batch> out = std::move(ready_.front());
  ready_.pop_front();
  changed_.notify_all();
  return out;
}

Status SeriesFeed::status() {
  const MutexLock lock(mu_);
  return status_;
}

bool SeriesFeed::hand_over(std::unique_ptr<Batch> batch) {
  const MutexLock lock(mu_);
  while (ready_.size() >= kReadyMax && !stopping_) changed_.wait(mu_);
  if (stopping_) return false;
  ready_.push_back(std::move(batch));
  changed_.notify_all();
  return true;
}

void SeriesFeed::run() {
  rocksdb::ReadOptions options = iterator_options();
  options.fill_cache = false;  // Read once.
  options.readahead_size = 1 << 20;
  SeriesRecords records(rocks_);
  SeriesRecords::Cursor at(records, options);
  Status status;
  for (size_t begin = 0; begin < series_.size() && status.ok(); begin += kBatchSeries) {
    auto batch = std::make_unique<Batch>();
    status = read(at, begin, std::min(series_.size(), begin + kBatchSeries), *batch);
    if (status.ok() && !hand_over(std::move(batch))) break;
  }
  const MutexLock lock(mu_);
  status_ = status;
  done_ = true;
  changed_.notify_all();
}

Status SeriesFeed::read(SeriesRecords::Cursor& at, size_t begin, size_t end, Batch& batch) {
  std::vector<size_t> sizes;
  for (size_t i = begin; i < end; ++i) {
    const SeriesSlot& one = series_[i];
    std::string_view labels = at.labels(one.id);
    if (is_damage(at.failed())) {
      rocks_.report_damage("reading series records", at.failed().ToString());
    } else if (!at.failed().ok()) {
      return to_status(at.failed(), "reading series records");
    }
    if (LabelsView(labels).size() > kLabelsMax) labels = {};
    batch.series.push_back({one, labels.empty() ? 0 : LabelsView(labels).hash(), {}});
    batch.bytes += labels;
    sizes.push_back(labels.size());
  }
  size_t at_byte = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    batch.series[i].labels = std::string_view(batch.bytes).substr(at_byte, sizes[i]);
    at_byte += sizes[i];
  }
  return {};
}

}  // namespace tidemark::storage
