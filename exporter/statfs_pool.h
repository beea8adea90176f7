// StatfsPool: statfs(2) with a deadline. The call has none of its own: on a mount whose server is gone it blocks until
// the server is back, and nothing short of the process's death ends it. So it runs on workers, and who asks waits only
// until a deadline; a worker that is stuck is left behind on its path, and another goes on with the rest.
//
// Worker threads start when there is work and no worker is free: one for a healthy host, at most workers_max
// (stuck ones included). A path has at most one call under way, so a stuck mount costs one worker however often it is
// asked for. When all are stuck, every path answers as timed out.
//
//   scrape thread -> queue (each path once) -> 1..workers_max workers -> statfs_function
#pragma once

#include <sys/vfs.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "exporter/collector.h"

namespace tidemark::exporter {

struct StatfsAnswer {
  bool timed_out = true;  // No answer by the deadline.
  int error = 0;          // errno, or 0 and `stats` is filled.
  struct statfs stats {};
};

class StatfsPool {
 public:
  StatfsPool(StatfsFunction statfs_function, unsigned workers_max);
  // Joins the workers, except those the kernel does not give back: they are let go, with all they use.
  ~StatfsPool();
  StatfsPool(const StatfsPool&) = delete;
  StatfsPool& operator=(const StatfsPool&) = delete;

  // Answers in the order of `paths`, by the deadline. A path that was stuck at an earlier deadline and still is does
  // not wait: it times out at once. Thread-safe.
  std::vector<StatfsAnswer> ask(const std::vector<std::string>& paths, int64_t deadline_monotonic_ns);

  unsigned workers() const;  // Now, stuck ones included.

 private:
  struct State;
  std::shared_ptr<State> state_;  // Shared with the workers, which a stuck mount may keep longer than us.
};

}  // namespace tidemark::exporter
