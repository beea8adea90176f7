// Maintenance: the thread behind the store. It runs checkpoints when the log or the head asks for one, when
// checkpoint_due() says so, and at least every half hour; retention when its settings change and every ten minutes, and
// after retention the work on closed windows, piece by piece: a checkpoint waits for one piece at most, and between two
// pieces the thread rests as long as the last one took, so ingest keeps half a core more.
#pragma once

#include <functional>
#include <thread>

#include "model/mutex.h"

namespace tidemark::storage {

class Maintenance {
 public:
  struct Work {
    std::function<void()> checkpoint;
    std::function<bool()> checkpoint_due;  // Asked every second.
    std::function<bool()> retention;       // True: to be tried again soon.
    std::function<bool()> closed_windows;  // One piece. True: there is more to do.
  };

  explicit Maintenance(Work work);
  ~Maintenance();  // Waits for what is under way.
  Maintenance(const Maintenance&) = delete;
  Maintenance& operator=(const Maintenance&) = delete;

  // Return at once; asking twice is asking once. Thread-safe.
  void ask_checkpoint();
  void ask_retention();

 private:
  void run();

  const Work work_;
  Mutex mu_;  // A leaf.
  CondVar asked_;
  bool checkpoint_ TM_GUARDED_BY(mu_) = false;
  bool retention_ TM_GUARDED_BY(mu_) = true;
  bool stopping_ TM_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace tidemark::storage
