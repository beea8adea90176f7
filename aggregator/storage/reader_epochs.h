// ReaderEpochs: who reads, since when. RocksDB's snapshots do not keep what DeleteFilesInRange drops, so retention
// waits until everybody has left who may have planned to read it. Thread-safe.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "model/mutex.h"

namespace tidemark::storage {

class ReaderEpochs {
 public:
  // Kept by a reader for as long as it reads.
  using Hold = std::shared_ptr<const int>;

  Hold enter() {
    const MutexLock lock(mu_);
    return now_;
  }

  // Readers from now on are of another epoch.
  void begin() {
    const MutexLock lock(mu_);
    older_.push_back(now_);
    now_ = std::make_shared<const int>();
  }

  // Whether all readers of the epochs before have left.
  bool older_gone() {
    const MutexLock lock(mu_);
    std::erase_if(older_, [](const auto& epoch) { return epoch.expired(); });
    return older_.empty();
  }

 private:
  Mutex mu_;
  Hold now_ TM_GUARDED_BY(mu_) = std::make_shared<const int>();
  std::vector<std::weak_ptr<const int>> older_ TM_GUARDED_BY(mu_);
};

}  // namespace tidemark::storage
