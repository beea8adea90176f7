// QueryContext: what one query may use, and what it has used: time, memory, samples. Every loop that can run long
// asks poll(), every column that is kept is charged before it is allocated.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "aggregator/promql/annotations.h"
#include "aggregator/storage/querier.h"
#include "model/clock.h"
#include "model/status.h"

namespace tidemark::promql {

// What a query has used, by all its threads. Relaxed: the numbers are all that is communicated.
struct QueryUsage {
  std::atomic<size_t> samples{0};  // Held now.
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

// How a query is to be understood.
struct QueryRules {
  int64_t lookback_ms = 0;
  bool delayed_name_removal = false;
  bool use_start_timestamps = false;
};

class Helpers;

// One a query, and one for each thread that helps it; belongs to its thread.
class QueryContext {
 public:
  QueryContext(std::string_view query, storage::Querier& querier, const Clock& clock, const QueryLimits& limits,
               const QueryRules& rules, QueryUsage& usage, Helpers* helpers = nullptr)
      : query_(query),
        querier_(querier),
        clock_(clock),
        limits_(limits),
        rules_(rules),
        helpers_(helpers),
        usage_(usage) {}
  // For another thread: budgets and counts are the query's, messages its own. Must not outlive `query`.
  explicit QueryContext(QueryContext* query)
      : query_(query->query_),
        querier_(query->querier_),
        clock_(query->clock_),
        limits_(query->limits_),
        rules_(query->rules_),
        helpers_(nullptr),
        usage_(query->usage_) {}
  QueryContext(const QueryContext&) = delete;
  QueryContext& operator=(const QueryContext&) = delete;

  // OK, or why the query has to stop now. Some 30 ns: once a series, or once a thousand samples.
  Status poll() const;

  // Takes from the budgets, or says which one is used up and takes nothing. Use Charge.
  Status charge(size_t samples, size_t bytes);
  void release(size_t samples, size_t bytes);

  void count_read(size_t samples) { usage_.samples_read.fetch_add(samples, std::memory_order_relaxed); }
  size_t samples_read() const { return usage_.samples_read.load(std::memory_order_relaxed); }
  size_t bytes_peak() const { return usage_.bytes_peak.load(std::memory_order_relaxed); }

  std::string_view query() const { return query_; }
  storage::Querier& querier() { return querier_; }
  int64_t lookback_ms() const { return rules_.lookback_ms; }
  int64_t max_resolution_ms() const { return limits_.max_resolution_ms; }
  // Off, a function drops the metric's name at once; on, names are dropped at the end of the query, and until then a
  // mark travels with the series.
  bool delayed_name_removal() const { return rules_.delayed_name_removal; }
  // Whether functions of counters look at start timestamps.
  bool use_start_timestamps() const { return rules_.use_start_timestamps; }
  Annotations& annotations() { return annotations_; }
  Helpers* helpers() { return helpers_; }  // Null: there are none.

 private:
  const std::string_view query_;
  storage::Querier& querier_;
  const Clock& clock_;
  const QueryLimits limits_;
  const QueryRules rules_;
  Helpers* const helpers_;
  QueryUsage& usage_;
  Annotations annotations_;
};

// What one operator holds of the budgets; given back when it goes.
class Charge {
 public:
  explicit Charge(QueryContext& context) : context_(&context) {}
  ~Charge() { reset(); }
  Charge(Charge&& other) noexcept
      : context_(other.context_), samples_(std::exchange(other.samples_, 0)), bytes_(std::exchange(other.bytes_, 0)) {}
  Charge& operator=(Charge&& other) noexcept {
    std::swap(context_, other.context_);
    std::swap(samples_, other.samples_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }

  Status add(size_t samples, size_t bytes) {
    Status status = context_->charge(samples, bytes);
    if (status.ok()) {
      samples_ += samples;
      bytes_ += bytes;
    }
    return status;
  }
  // Raises what is held to these, for a buffer that grows and is reused.
  Status raise_to(size_t samples, size_t bytes) {
    return add(samples > samples_ ? samples - samples_ : 0, bytes > bytes_ ? bytes - bytes_ : 0);
  }
  void reset() { context_->release(std::exchange(samples_, 0), std::exchange(bytes_, 0)); }

 private:
  QueryContext* context_;
  size_t samples_ = 0;
  size_t bytes_ = 0;
};

}  // namespace tidemark::promql
