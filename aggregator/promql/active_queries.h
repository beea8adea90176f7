// ActiveQueries: which queries wait, run or send their answer, what each uses, and how one of them is ended from
// outside.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/promql/query_account.h"
#include "model/clock.h"
#include "model/mutex.h"
#include "model/status.h"

namespace tidemark::promql {

struct ActiveQuery {
  enum class State { kWaiting, kRunning, kSending };

  uint64_t id = 0;
  std::string text;
  bool instant = false;  // Then start_ms is its time, and the others mean nothing.
  int64_t start_ms = 0;
  int64_t end_ms = 0;
  int64_t step_ms = 0;
  State state = State::kWaiting;  // For its turn.
  double seconds = 0;             // Since it came.
  size_t bytes = 0;               // Held now, and at most so far.
  size_t bytes_peak = 0;
  size_t samples_read = 0;
};

// Thread-safe.
class ActiveQueries {
 public:
  // `bytes_max`: of all queries together. The clock is outlived, by the entries too.
  ActiveQueries(const Clock& clock, size_t bytes_max) : clock_(clock), budget_{.bytes_max = bytes_max} {}

  // One query, from its coming until its answer is sent or thrown away.
  class Entry {
   public:
    // Of `what` the engine gives text and times, of `limits` what is the query's own.
    Entry(std::shared_ptr<ActiveQueries> all, ActiveQuery what, QueryLimits limits);
    ~Entry();
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

    QueryAccount& account() { return account_; }
    void set_state(ActiveQuery::State state) { state_.store(state, std::memory_order_relaxed); }
    double seconds() const;
    // Charges the query for what stays as long as this does: its answer, and what it is sent with.
    Status keep(size_t bytes);

   private:
    friend class ActiveQueries;
    QueryLimits completed(QueryLimits limits) const;

    const std::shared_ptr<ActiveQueries> all_;
    ActiveQuery what_;
    const int64_t begin_ns_;
    std::atomic<bool> killed_{false};
    std::atomic<ActiveQuery::State> state_{ActiveQuery::State::kWaiting};
    QueryAccount account_;
    size_t kept_bytes_ = 0;
  };

  std::vector<ActiveQuery> list();                                             // The oldest first.
  bool kill(uint64_t id);                                                      // False when there is none of that id.
  void cancel_all() { all_canceled_.store(true, std::memory_order_relaxed); }  // Those to come, too.

 private:
  const Clock& clock_;
  SharedBudget budget_;
  std::atomic<bool> all_canceled_{false};
  Mutex mu_;
  uint64_t last_id_ TM_GUARDED_BY(mu_) = 0;
  std::map<uint64_t, Entry*> entries_ TM_GUARDED_BY(mu_);
};

}  // namespace tidemark::promql
