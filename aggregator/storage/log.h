// Log: the store's log family and the write-ahead log under it, with the sync policy.
//
// always    a commit returns after an fsync that covers it; RocksDB lets waiting commits share one.
// interval  a thread syncs every half second; a commit waits when what it would follow is unsynced for over a second,
//           so that a slow disk makes it slow rather than the loss window long.
// never     the kernel decides.
#pragma once

#include <rocksdb/write_batch.h>

#include <atomic>
#include <functional>
#include <thread>

#include "aggregator/storage/keys.h"
#include "aggregator/storage/rocks.h"
#include "aggregator/storage/write_gate.h"
#include "model/clock.h"
#include "model/mutex.h"

namespace tidemark::storage {

class Log {
 public:
  // `bytes`: what is in it already. `over_bound` is called, from a committing thread, when a checkpoint is due.
  Log(Rocks& rocks, const Options& options, const Clock& clock, Health& health, Metrics& metrics, uint64_t bytes,
      std::function<void()> over_bound);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // Waits until there is room and the disk is not more than a second behind. Call before anything is locked or entered.
  Status wait_for_room();
  // Writes the batch and, under `position`, the record. A failure leaves the state unknown: the store turns read-only.
  Status append(rocksdb::WriteBatch& batch, Position position, std::string_view record);
  // All that was appended before is on disk when it returns.
  Status sync();

  uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  uint64_t appended_bytes() const { return appended_bytes_.load(std::memory_order_relaxed); }
  // Forgets all records up to `position`; `appended_before` is appended_bytes() as it was when that was the last one.
  Status trim(Position position, uint64_t appended_before);
  // Gives back the files of records that trim(position) forgot: the log has files after a crash only. RocksDB compacts
  // them once there are four, which for a store that was stopped is never.
  Status drop_files(Position position);
  // Wakes whoever waits for room: the store turned read-only.
  void wake();

 private:
  void run();

  Rocks& rocks_;
  const Options& options_;
  const Clock& clock_;
  Health& health_;
  Metrics& metrics_;
  const std::function<void()> over_bound_;
  std::atomic<uint64_t> bytes_;             // As long as the log is, within a commit or two.
  std::atomic<uint64_t> appended_bytes_;    // Since the store was opened, plus what it found.
  std::atomic<uint64_t> trimmed_bytes_{0};  // bytes_ is the difference.

  Mutex mu_;  // Taken before Maintenance's. Never held across I/O.
  CondVar changed_;
  int64_t unsynced_since_ns_ TM_GUARDED_BY(mu_) = 0;     // The oldest write no finished sync covers; 0: none.
  int64_t written_meanwhile_ns_ TM_GUARDED_BY(mu_) = 0;  // The oldest write since the running syncs began; 0: none.
  size_t syncing_ TM_GUARDED_BY(mu_) = 0;
  bool stopping_ TM_GUARDED_BY(mu_) = false;
  std::thread syncer_;  // For `interval` only.
};

}  // namespace tidemark::storage
