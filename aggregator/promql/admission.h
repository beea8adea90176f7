// Admission: how many queries run at a time, and how many wait for their turn.
#pragma once

#include <cstdint>

#include "aggregator/promql/query_account.h"
#include "model/clock.h"
#include "model/mutex.h"
#include "model/status.h"

namespace prometheus {
class Gauge;
}

namespace tidemark::promql {

// Thread-safe. Turns go to whoever wakes up first, not by age.
class Admission {
 public:
  struct Limits {
    unsigned running_max = 0;
    unsigned waiting_max = 0;
  };
  // The gauges follow both numbers, and outlive this.
  Admission(const Limits& limits, const Clock& clock, prometheus::Gauge& running, prometheus::Gauge& waiting)
      : limits_(limits), clock_(clock), running_gauge_(running), waiting_gauge_(waiting) {}

  // Returns OK when it is the query's turn: then leave() must follow. Fails at once with kUnavailable when too many
  // wait, with kTimeout at the deadline, and with kCanceled.
  Status enter(const QueryAccount& query);
  void leave();

 private:
  const Limits limits_;
  const Clock& clock_;
  prometheus::Gauge& running_gauge_;
  prometheus::Gauge& waiting_gauge_;
  Mutex mu_;
  CondVar left_;
  unsigned running_ TM_GUARDED_BY(mu_) = 0;
  unsigned waiting_ TM_GUARDED_BY(mu_) = 0;
};

}  // namespace tidemark::promql
