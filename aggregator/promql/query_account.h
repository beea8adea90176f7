// QueryAccount: what one query may use and what it has used, time, memory and samples, from its turn until its answer
// is sent.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "model/clock.h"
#include "model/status.h"

namespace tidemark::promql {

// What a query has used, by all its threads. Relaxed: the numbers are all that is communicated.
struct QueryUsage {
  std::atomic<size_t> samples{0};  // Held now.
  std::atomic<size_t> samples_peak{0};
  std::atomic<size_t> bytes{0};
  std::atomic<size_t> bytes_peak{0};
  std::atomic<size_t> samples_read{0};
};

// What all queries together hold.
struct SharedBudget {
  size_t bytes_max = 0;
  std::atomic<size_t> bytes{0};
};

struct QueryLimits {
  int64_t deadline_ns = 0;        // Clock::monotonic_ns() at which the query ends.
  size_t samples_max = 0;         // Held at one time, as Prometheus' --query.max-samples counts them.
  size_t bytes_max = 0;           // Of columns, labels and decoded samples held at one time.
  int64_t max_resolution_ms = 0;  // Of rollups that may answer where raw samples could, too.
  const std::atomic<bool>* query_canceled = nullptr;  // Null: nobody will.
  const std::atomic<bool>* query_killed = nullptr;
  const std::atomic<bool>* all_canceled = nullptr;
  SharedBudget* shared = nullptr;  // Null: there is no limit to what all queries hold.

  // Relaxed: the flags are all that is communicated.
  bool canceled() const {
    const auto set = [](const std::atomic<bool>* flag) {
      return flag != nullptr && flag->load(std::memory_order_relaxed);
    };
    return set(query_canceled) || set(query_killed) || set(all_canceled);
  }
};

// Thread-safe.
class QueryAccount {
 public:
  // The clock is outlived.
  QueryAccount(const Clock& clock, const QueryLimits& limits) : clock_(clock), limits_(limits) {}
  QueryAccount(const QueryAccount&) = delete;
  QueryAccount& operator=(const QueryAccount&) = delete;

  int64_t now_ns() const { return clock_.monotonic_ns(); }

  // OK, or why the query has to stop now. Some 30 ns: once a series, or once a thousand samples.
  Status poll() const;

  // Takes from the budgets, or says which one is used up and takes nothing.
  Status charge(size_t samples, size_t bytes);
  void release(size_t samples, size_t bytes);
  void count_read(size_t samples) { usage_.samples_read.fetch_add(samples, std::memory_order_relaxed); }

  const QueryLimits& limits() const { return limits_; }
  const QueryUsage& usage() const { return usage_; }

 private:
  const Clock& clock_;
  const QueryLimits limits_;
  QueryUsage usage_;
};

}  // namespace tidemark::promql
