#include "aggregator/storage/log.h"

#include <chrono>

namespace tidemark::storage {
namespace {

constexpr auto kSyncEvery = std::chrono::milliseconds(500);
constexpr int64_t kUnsyncedMaxNs = 1'000'000'000;
// Smaller files go when RocksDB next compacts.
constexpr uint64_t kDeadFileBytesMin = 1 << 20;
constexpr int kBottomLevel = 6;

}  // namespace

Log::Log(Rocks& rocks, const Options& options, const Clock& clock, Health& health, Metrics& metrics, uint64_t bytes,
         std::function<void()> over_bound)
    : rocks_(rocks),
      options_(options),
      clock_(clock),
      health_(health),
      metrics_(metrics),
      over_bound_(std::move(over_bound)),
      bytes_(bytes),
      appended_bytes_(bytes) {
  metrics_.log_bytes.Set(static_cast<double>(bytes));
  if (options_.sync == SyncPolicy::kInterval) syncer_ = std::thread([this] { run(); });
}

Log::~Log() {
  {
    const MutexLock lock(mu_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (syncer_.joinable()) syncer_.join();
}

Status Log::wait_for_room() {
  // A checkpoint starts at the bound; commits wait at twice the bound, should it not keep up.
  if (bytes() >= 2 * options_.log_bytes_max) {
    metrics_.log_stalls.Increment();
    const MutexLock lock(mu_);
    while (bytes() >= 2 * options_.log_bytes_max && health_.writable() && !stopping_) {
      over_bound_();
      // The time limit only guards against a trigger lost between the two mutexes.
      changed_.wait_for(mu_, kSyncEvery);
    }
  }
  if (options_.sync == SyncPolicy::kInterval) {
    const MutexLock lock(mu_);
    const auto behind = [this]() TM_REQUIRES(mu_) {
      return unsynced_since_ns_ != 0 && clock_.monotonic_ns() - unsynced_since_ns_ > kUnsyncedMaxNs;
    };
    if (behind()) metrics_.sync_stalls.Increment();
    while (behind() && health_.writable() && !stopping_) changed_.wait_for(mu_, kSyncEvery);
  }
  return health_.status();
}

Status Log::append(rocksdb::WriteBatch& batch, Position position, std::string_view record) {
  if (Status status = health_.status(); !status.ok()) return status;
  batch.Put(rocks_.family(Family::kLog), log_key(position), slice(record)).PermitUncheckedError();
  rocksdb::WriteOptions write;
  write.sync = options_.sync == SyncPolicy::kAlways;
  const int64_t start_ns = clock_.monotonic_ns();
  Status status = rocks_.written(rocks_.db().Write(write, &batch), "writing to the log");
  if (!status.ok()) {
    health_.fail(status);
    wake();
    return status;
  }
  if (write.sync) {
    metrics_.sync_seconds.Observe(static_cast<double>(clock_.monotonic_ns() - start_ns) / 1e9);
  } else if (options_.sync == SyncPolicy::kInterval) {
    // Whether a sync that ran meanwhile covers this write is unknown: count it as not covered.
    const MutexLock lock(mu_);
    if (unsynced_since_ns_ == 0) unsynced_since_ns_ = start_ns;
    if (syncing_ > 0 && written_meanwhile_ns_ == 0) written_meanwhile_ns_ = start_ns;
  }
  appended_bytes_.fetch_add(record.size(), std::memory_order_relaxed);
  const uint64_t bytes_now = bytes_.fetch_add(record.size(), std::memory_order_relaxed) + record.size();
  metrics_.log_bytes.Set(static_cast<double>(bytes_now));
  if (bytes_now >= options_.log_bytes_max) over_bound_();
  return {};
}

Status Log::sync() {
  {
    const MutexLock lock(mu_);
    if (syncing_++ == 0) written_meanwhile_ns_ = 0;
  }
  const int64_t start_ns = clock_.monotonic_ns();
  Status status = rocks_.written(rocks_.db().SyncWAL(), "syncing the log");
  metrics_.sync_seconds.Observe(static_cast<double>(clock_.monotonic_ns() - start_ns) / 1e9);
  if (!status.ok()) health_.fail(status);
  const MutexLock lock(mu_);
  --syncing_;
  if (status.ok()) unsynced_since_ns_ = written_meanwhile_ns_;
  changed_.notify_all();
  return status;
}

Status Log::trim(Position position, uint64_t appended_before) {
  rocksdb::WriteBatch batch;
  batch.DeleteRange(rocks_.family(Family::kLog), log_key(0), log_key(position + 1)).PermitUncheckedError();
  Status status = rocks_.written(rocks_.db().Write(rocksdb::WriteOptions(), &batch), "trimming the log");
  if (!status.ok()) {
    health_.fail(status);
    wake();
    return status;
  }
  const uint64_t trimmed = trimmed_bytes_.exchange(appended_before, std::memory_order_relaxed);
  const uint64_t gone = appended_before - trimmed;
  metrics_.log_bytes.Set(static_cast<double>(bytes_.fetch_sub(gone, std::memory_order_relaxed) - gone));
  wake();
  return {};
}

Status Log::drop_files(Position position) {
  rocksdb::ColumnFamilyHandle* const family = rocks_.family(Family::kLog);
  rocksdb::ColumnFamilyMetaData files;
  rocks_.db().GetColumnFamilyMetaData(family, &files);
  if (files.size < kDeadFileBytesMin) return {};
  std::vector<std::string> names;
  for (const auto& level : files.levels) {
    for (const auto& file : level.files) {
      const auto last = parse_log_key(file.largestkey);
      if (!last || *last > position + 1) return {};
      names.push_back(file.name);
    }
  }
  const rocksdb::Status status = rocks_.db().CompactFiles(rocksdb::CompactionOptions(), family, names, kBottomLevel);
  // RocksDB is at it itself.
  if (status.IsAborted()) return rocks_.failure();
  if (is_damage(status)) {  // They stay.
    rocks_.report_damage("dropping trimmed files of the log", status.ToString());
    return rocks_.failure();
  }
  return rocks_.written(status, "dropping trimmed files of the log");
}

void Log::wake() {
  const MutexLock lock(mu_);
  changed_.notify_all();
}

void Log::run() {
  for (;;) {
    {
      const MutexLock lock(mu_);
      if (!stopping_) changed_.wait_for(mu_, kSyncEvery);
      if (stopping_) return;
      if (unsynced_since_ns_ == 0) continue;
    }
    // A failed sync has turned the store read-only and said why; there is nothing left to keep in step.
    if (!sync().ok()) return;
  }
}

}  // namespace tidemark::storage
