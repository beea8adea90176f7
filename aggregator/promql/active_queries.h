// ActiveQueries: which queries wait or run, what each uses, and how one of them is ended from outside.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/promql/context.h"
#include "model/clock.h"
#include "model/mutex.h"

namespace tidemark::promql {

struct ActiveQuery {
  uint64_t id = 0;
  std::string text;
  bool instant = false;  // Then start_ms is its time, and the others mean nothing.
  int64_t start_ms = 0;
  int64_t end_ms = 0;
  int64_t step_ms = 0;
  bool running = false;  // Else it waits for its turn.
  double seconds = 0;    // Since it came.
  size_t bytes = 0;      // Held now, and at most so far.
  size_t bytes_peak = 0;
  size_t samples_read = 0;
};

// Thread-safe.
class ActiveQueries {
 public:
  explicit ActiveQueries(const Clock& clock) : clock_(clock) {}

  // One query, from its coming to its going.
  class Entry {
   public:
    // Of `what` the engine gives text and times. Its views are not kept beyond this call.
    Entry(ActiveQueries& all, ActiveQuery what);
    ~Entry();
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

    QueryUsage& usage() { return usage_; }
    const std::atomic<bool>& killed() const { return killed_; }
    void set_running() { running_.store(true, std::memory_order_relaxed); }
    double seconds() const;

   private:
    friend class ActiveQueries;
    ActiveQueries& all_;
    ActiveQuery what_;
    const int64_t begin_ns_;
    QueryUsage usage_;
    std::atomic<bool> killed_{false};
    std::atomic<bool> running_{false};
  };

  std::vector<ActiveQuery> list();  // The oldest first.
  bool kill(uint64_t id);           // False when there is none of that id.

 private:
  const Clock& clock_;
  Mutex mu_;
  uint64_t last_id_ TM_GUARDED_BY(mu_) = 0;
  std::map<uint64_t, Entry*> entries_ TM_GUARDED_BY(mu_);
};

}  // namespace tidemark::promql
