// CheckpointPace: whether a checkpoint is worth its price although the log is far from its bound.
//
// A checkpoint costs what the head takes, whatever the log holds, so under load only the bound asks for one. When the
// load ends, the log would lie there until the next half hour, and a crash would have to replay it. So one is due too
// when the log, at its present pace, would take ten more minutes to double: a load that came to its end, and a fleet
// that is scraped steadily once ten minutes of it are in the log.
#pragma once

#include <cstdint>
#include <deque>

namespace tidemark::storage {

// Belongs to one thread.
class CheckpointPace {
 public:
  // To be asked every kLookNs or less often. `appended_bytes`: ever written to the log; `log_bytes`: in it now.
  bool due(int64_t now_ns, uint64_t appended_bytes, uint64_t log_bytes, uint64_t head_bytes);

  static constexpr int64_t kLookNs = 1'000'000'000;

 private:
  struct Look {
    int64_t at_ns = 0;
    uint64_t appended_bytes = 0;
  };

  std::deque<Look> looks_;   // Of the seconds that the pace is taken from.
  int64_t last_due_ns_ = 0;  // 0: never.
};

}  // namespace tidemark::storage
