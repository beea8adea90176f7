// PushQueue: what waits to be delivered, oldest first: in the spool, and in memory what the disk does not take (it is
// full, read-only or broken). What is in memory goes to the spool with the next put() that succeeds, is delivered from
// memory when nothing older waits, and is lost with the process.
//
// One thread puts, one takes; both wait for the disk. numbers() never does: who scrapes must not hang with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "exporter/push/spool.h"
#include "model/mutex.h"
#include "model/status.h"

namespace tidemark::exporter {

class PushQueue {
 public:
  // In memory, beside the newest entry.
  static constexpr size_t kMemoryBytesMax = 4 << 20;

  explicit PushQueue(Spool spool);

  struct Kept {
    size_t crowded_out = 0;  // Old entries that made room in the spool,
    size_t lost = 0;         // and in memory.
    Status spool;            // Why the entry waits in memory; OK: it does not, or only because one before it is sent.
  };
  Kept put(std::string body, int64_t made_ms, uint64_t samples, bool sync);

  // The oldest; nothing when it is empty or cannot be read now. It stays until done() or later().
  std::optional<SpoolEntry> take();
  void done(const SpoolEntry& entry);  // Acknowledged, or refused for good.
  void later();                        // Brings to the disk what waits.

  struct Numbers {
    size_t entries = 0;
    size_t in_memory = 0;  // Of them.
    uint64_t bytes = 0;
    uint64_t torn = 0;
    int64_t oldest_ms = 0;  // 0: nothing waits, or it was not read yet.
  };
  // As of the last call of the others that ended.
  Numbers numbers() const;

 private:
  void note() TM_REQUIRES(disk_mu_);
  uint64_t memory_bytes() const TM_REQUIRES(disk_mu_);

  Mutex disk_mu_;  // Held while the disk works. Before numbers_mu_.
  Spool spool_ TM_GUARDED_BY(disk_mu_);
  std::deque<SpoolEntry> memory_ TM_GUARDED_BY(disk_mu_);  // All newer than the spool's. Number 0.
  bool lent_ TM_GUARDED_BY(disk_mu_) = false;              // The oldest of them is being sent, and the spool empty.

  mutable Mutex numbers_mu_;
  Numbers numbers_ TM_GUARDED_BY(numbers_mu_);
};

}  // namespace tidemark::exporter
