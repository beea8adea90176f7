// QueryContext: what one query may use, and what it has used: time, memory, samples. Every loop that can run long
// asks poll(), every column that is kept is charged before it is allocated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "aggregator/promql/annotations.h"
#include "aggregator/promql/query_account.h"
#include "aggregator/promql/turns.h"
#include "aggregator/storage/querier.h"
#include "model/status.h"

namespace tidemark::promql {

// How a query is to be understood.
struct QueryRules {
  int64_t lookback_ms = 0;
  bool delayed_name_removal = false;
  bool use_start_timestamps = false;
};

class Helpers;
class SampleCounts;

// One a query, and one for each thread that helps it; belongs to its thread.
class QueryContext {
 public:
  QueryContext(std::string_view query, storage::Querier& querier, QueryAccount& account, const QueryRules& rules,
               Helpers* helpers = nullptr, Turns::Turn* turn = nullptr)
      : query_(query), querier_(querier), account_(account), rules_(rules), helpers_(helpers), turn_(turn) {}
  // For another thread: budgets and counts are the query's, messages its own. Must not outlive `query`.
  explicit QueryContext(QueryContext* query)
      : query_(query->query_),
        querier_(query->querier_),
        account_(query->account_),
        rules_(query->rules_),
        helpers_(nullptr),
        turn_(nullptr),
        counts_(query->counts_) {}
  QueryContext(const QueryContext&) = delete;
  QueryContext& operator=(const QueryContext&) = delete;

  // As the account's. Other queries may have their turn meanwhile, so it is called without a lock held.
  Status poll() const {
    if (turn_ != nullptr) turn_->pause();
    return account_.poll();
  }
  int64_t now_ns() const { return account_.now_ns(); }
  Status charge(size_t samples, size_t bytes) { return account_.charge(samples, bytes); }  // Use Charge.
  void release(size_t samples, size_t bytes) { account_.release(samples, bytes); }
  void count_read(size_t samples) { account_.count_read(samples); }

  std::string_view query() const { return query_; }
  storage::Querier& querier() { return querier_; }
  int64_t lookback_ms() const { return rules_.lookback_ms; }
  int64_t max_resolution_ms() const { return account_.limits().max_resolution_ms; }
  // Off, a function drops the metric's name at once; on, names are dropped at the end of the query, and until then a
  // mark travels with the series.
  bool delayed_name_removal() const { return rules_.delayed_name_removal; }
  // Whether functions of counters look at start timestamps.
  bool use_start_timestamps() const { return rules_.use_start_timestamps; }
  Annotations& annotations() { return annotations_; }
  Helpers* helpers() { return helpers_; }  // Null: there are none.
  // Where samples are counted; null: nobody asked. Set by CountScope, on the query's thread.
  SampleCounts* counts() const { return counts_; }
  void set_counts(SampleCounts* counts) { counts_ = counts; }

 private:
  const std::string_view query_;
  storage::Querier& querier_;
  QueryAccount& account_;
  const QueryRules rules_;
  Helpers* const helpers_;
  Turns::Turn* const turn_;  // Null on helpers' threads.
  SampleCounts* counts_ = nullptr;
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

// A charge of many small parts, a label set here and a map's node there: goes to the budgets a few times, not each
// time.
class SmallCharges {
 public:
  explicit SmallCharges(QueryContext& context) : charge_(context) {}

  Status add(size_t bytes) {
    owed_ += bytes;
    return owed_ < kBytesMax ? Status() : charge_.add(0, std::exchange(owed_, 0));
  }

 private:
  static constexpr size_t kBytesMax = 16 << 10;

  Charge charge_;
  size_t owed_ = 0;
};

// What it takes to look at a series' labels and hand it on, in Pace's units.
inline constexpr size_t kSeriesWork = 64;

// Asks poll() now and then, for loops with short turns.
class Pace {
 public:
  explicit Pace(const QueryContext& context) : context_(context) {}

  // `work`: what the turn has to do, in units of some ten nanoseconds (a value looked at, a word of a bitmap).
  Status turn(size_t work) {
    done_ += work;
    if (done_ < kWorkAPoll) return {};
    done_ = 0;
    return context_.poll();
  }

 private:
  static constexpr size_t kWorkAPoll = 64 << 10;

  const QueryContext& context_;
  size_t done_ = 0;
};

}  // namespace tidemark::promql
