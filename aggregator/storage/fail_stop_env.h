// FailStopEnv: what RocksDB writes its files through. After the first write that fails nothing reaches the disk any
// more, as after a power cut, and RocksDB is not told: it goes on answering from memory and from the files there are,
// until it is closed and opened again.
//
// Telling it would be worse. The RocksDB of Debian checks its assertions, and some of its own ways out of a failed
// write violate them and abort the process (a flush that syncs a log to which a write failed meanwhile, a compaction
// whose first block cannot be written). Also, what it does after an error differs from place to place, while what a
// power cut leaves is one case, the one that recovery is made and tested for.
//
// So whoever writes must ask failure() afterwards: only when it is OK was anything written (Rocks::written()).
#pragma once

#include <rocksdb/env.h>

#include <functional>
#include <memory>
#include <string>

#include "model/status.h"

namespace tidemark::storage {

class FailStopEnv {
 public:
  // Over the files of `base`, which outlives it; it waits as `base` does.
  explicit FailStopEnv(rocksdb::Env* base);
  ~FailStopEnv();
  FailStopEnv(const FailStopEnv&) = delete;
  FailStopEnv& operator=(const FailStopEnv&) = delete;

  rocksdb::Env* env() const { return env_.get(); }
  // The first write that failed, kIo; or OK. Thread-safe.
  Status failure() const;
  // There was no space for it.
  bool disk_was_full() const;
  // Called once, on the thread whose write fails, perhaps with RocksDB's locks held; at once if that has been.
  void set_on_failure(const std::function<void(const Status&)>& act);

 private:
  class Latch;
  class File;
  class Folder;
  class Files;
  class Wrapper;

  const std::shared_ptr<Latch> latch_;
  const std::unique_ptr<rocksdb::Env> env_;
};

}  // namespace tidemark::storage
