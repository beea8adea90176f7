// WriteGate: whether the store takes samples. It is closed for reasons that come and go; while there is one, commits
// are refused and queries answered. Each reason is logged when it comes and when it goes, and is a metric:
// tidemark_storage_read_only and tidemark_storage_read_only_reason{reason="..."}.
//
// Health is one engine's part in it: after a write whose outcome is unknown that engine takes no more, or what it
// acknowledged later could be lost behind a hole. The gate opens again when another engine has taken its place: after a
// write that failed. One that met damage stays shut, for opening again finds the same.
#pragma once

#include <array>
#include <atomic>
#include <functional>

#include "aggregator/storage/metrics.h"
#include "model/log.h"
#include "model/mutex.h"
#include "model/status.h"

namespace tidemark::storage {

class WriteGate {
 public:
  WriteGate(Logger& logger, Metrics& metrics) : logger_(logger), metrics_(metrics) {}

  bool is_open() const { return open_.load(std::memory_order_acquire); }
  // kReadOnly, with all that is in the way and what happens next; OK when open.
  Status status() const;

  void close(ReadOnlyReason reason, const Status& why);
  void open(ReadOnlyReason reason);

 private:
  Logger& logger_;
  Metrics& metrics_;
  std::atomic<bool> open_{true};                                         // Release after reasons_ is set.
  mutable Mutex mu_;                                                     // A leaf.
  std::array<Status, kReadOnlyReasonCount> reasons_ TM_GUARDED_BY(mu_);  // OK: none.
};

class Health {
 public:
  // `failed` is called once, when fail() is first; perhaps with RocksDB's locks held.
  Health(WriteGate& gate, std::function<void()> failed) : gate_(gate), failed_act_(std::move(failed)) {}

  bool writable() const { return !failed_.load(std::memory_order_acquire); }
  // kReadOnly with the first failure's message; OK while writable.
  Status status() const;
  // It was damage.
  bool met_damage() const;
  // The first call turns the engine read-only for good, and closes the gate.
  void fail(const Status& why);

 private:
  WriteGate& gate_;
  const std::function<void()> failed_act_;
  std::atomic<bool> failed_{false};  // Release after why_ is set.
  mutable Mutex mu_;                 // A leaf.
  Status why_ TM_GUARDED_BY(mu_);
};

}  // namespace tidemark::storage
