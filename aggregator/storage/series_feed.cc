#include "aggregator/storage/series_feed.h"

#include <algorithm>

#include "aggregator/storage/series_index.h"
#include "model/labels.h"

namespace tidemark::storage {
namespace {

constexpr size_t kBatchSeries = 4096;
constexpr size_t kReadyMax = 4;  // Batches.
// Records skipped one by one before it is cheaper to seek.
constexpr unsigned kNextMax = 8;

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

std::unique_ptr<rocksdb::Iterator> SeriesFeed::iterator() {
  rocksdb::ReadOptions options = iterator_options();
  options.fill_cache = false;  // Read once.
  options.readahead_size = 1 << 20;
  return std::unique_ptr<rocksdb::Iterator>(rocks_.db().NewIterator(options, rocks_.family(Family::kSeries)));
}

void SeriesFeed::run() {
  std::unique_ptr<rocksdb::Iterator> at = iterator();
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

Status SeriesFeed::read(std::unique_ptr<rocksdb::Iterator>& at, size_t begin, size_t end, Batch& batch) {
  std::vector<size_t> sizes;
  for (size_t i = begin; i < end; ++i) {
    const SeriesSlot& one = series_[i];
    const std::string key = series_key(one.id);
    int order = -1;
    for (unsigned skipped = 0; at->Valid() && skipped < kNextMax && (order = at->key().compare(key)) < 0; ++skipped) {
      at->Next();
    }
    if (!at->status().ok()) at = iterator();  // What is asked for may lie behind the damage.
    if (order < 0) at->Seek(key);
    const bool found = at->Valid() && (order == 0 || at->key() == rocksdb::Slice(key));
    if (is_damage(at->status())) {
      rocks_.report_damage("reading series records", at->status().ToString());
    } else if (!at->status().ok()) {
      return to_status(at->status(), "reading series records");
    }
    std::string_view labels = found ? view(at->value()) : std::string_view();
    if (!is_valid_encoding(labels) || LabelsView(labels).size() > kLabelsMax) labels = {};
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
