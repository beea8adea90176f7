// Engine: evaluates PromQL over a storage::Queryable. One per program; queries run on the caller's thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/promql/active_queries.h"
#include "aggregator/promql/parser.h"
#include "aggregator/storage/querier.h"
#include "model/clock.h"
#include "model/labels.h"
#include "model/log.h"
#include "model/native_histogram.h"
#include "model/sample.h"
#include "model/status.h"

namespace prometheus {
class Registry;
}

namespace tidemark::promql {

class Helpers;

struct EngineOptions {
  int64_t lookback_ms = 5 * 60'000;
  int64_t timeout_ms = 2 * 60'000;
  size_t samples_max = 50'000'000;         // In memory at a time, as --query.max-samples.
  size_t bytes_max = size_t{1} << 30;      // Held by one query: columns, labels, decoded samples.
  size_t bytes_all_max = size_t{2} << 30;  // By all of them together.
  unsigned concurrency_max = 20;           // Further queries wait, at most until their deadline.
  unsigned waiting_max = 200;              // Still further ones are refused.
  unsigned computing_max = 0;              // Of those that run, at a time; see turns.h. 0: as many as processors.
  unsigned threads_max = 0;                // Of one query, its own included. 0: as many as there are processors.
  ParserOptions parser;                    // Parts of the language behind --enable-feature=.
  bool delayed_name_removal = false;       // --enable-feature=promql-delayed-name-removal
  bool use_start_timestamps = false;       // --enable-feature=use-start-timestamps: rate() and its like look at them
  int64_t subquery_step_ms = 60'000;       // Of subqueries that name none: global.evaluation_interval.
  int64_t slow_ms = 5'000;                 // Queries that take longer are logged. 0: none is.
  Logger* logger = nullptr;                // Null: nothing is logged. Outlives the engine.
};

enum class WantedStats { kNone, kTotals, kSteps };

// What one query may do beyond the engine's options. Zero means the engine's own.
struct QueryOptions {
  int64_t lookback_ms = 0;
  int64_t timeout_ms = 0;                       // Shortens the engine's own, and never lengthens it.
  int64_t max_resolution_ms = 0;                // Rollups up to it may answer where raw samples could, too.
  const std::atomic<bool>* canceled = nullptr;  // Set by another thread to stop the query. Outlives it.
  WantedStats stats = WantedStats::kNone;       // Of samples. Counting them takes a little time.
};

// One series of an answer: a vector has one sample each, of either kind, a matrix any number, a scalar one series
// without labels.
struct ResultSeries {
  Labels labels;
  std::vector<Sample> samples;
  std::vector<HistogramSample> histograms = {};  // At other times than the samples.
};

enum class ResultType { kScalar, kVector, kMatrix, kString };

// What the query took, as Prometheus' `stats` tells it.
struct QueryStats {
  double queue_seconds = 0;     // Waiting for its turn.
  double prepare_seconds = 0;   // Planning, and opening a view of the store.
  double evaluate_seconds = 0;  // All but the sorting of the result.
  double sort_seconds = 0;

  WantedStats wanted = WantedStats::kNone;
  // At each step the samples of all windows, and those of them that the step before had not in its own.
  size_t samples_looked_at = 0;
  size_t samples_read = 0;
  size_t samples_peak = 0;  // Held at one time, by our way of evaluating, which is not Prometheus'.
  struct Step {
    int64_t t_ms = 0;
    size_t samples_looked_at = 0;
    size_t samples_read = 0;
  };
  std::vector<Step> steps;  // When asked for.
};

struct QueryResult {
  ResultType type = ResultType::kVector;
  std::vector<ResultSeries> series;   // Order is part of the answer for sort() and topk(); else sorted by labels.
  std::string text;                   // kString only.
  int64_t t_ms = 0;                   // Of an instant query.
  std::vector<std::string> warnings;  // At most 10 of each, and how many more there were.
  std::vector<std::string> infos;
  QueryStats stats;
  // The query goes on until its answer goes: it is listed, charged for it, and may be asked whether it has to end.
  std::shared_ptr<ActiveQueries::Entry> query;
  Helpers* helpers = nullptr;  // The engine's, for those who work on with the answer. Null: there are none.
};

class Engine {
 public:
  Engine(storage::Queryable& store, const EngineOptions& options, const Clock& clock, prometheus::Registry& metrics);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // After a reload changed global.evaluation_interval. Queries under way keep the old one. Thread-safe.
  void set_subquery_step(int64_t step_ms);

  // Ends all queries, under way and to come, with kCanceled: the program is stopping. Thread-safe.
  void cancel_all();

  const ParserOptions& parser_options() const;

  // Queries that wait or run, the oldest first. Thread-safe.
  std::vector<ActiveQuery> active() const;
  // Ends one of them with kCanceled; false when there is none of that id. Thread-safe.
  bool kill(uint64_t id);

  // Errors: kInvalid (does not parse or type-check; the message starts with "line:column: parse error:" and is the
  // caller's fault, or uses what this engine does not evaluate), kExecution, kLimit, kTimeout, kCanceled,
  // kUnavailable (too many queries are waiting), or what storage said. Thread-safe; runs on the caller's thread, which
  // needs some 4 MB of stack for the deepest expressions.
  Result<QueryResult> instant(std::string_view expression, int64_t t_ms, const QueryOptions& options = {});
  // REQUIRES: start_ms <= end_ms, step_ms > 0.
  Result<QueryResult> range(std::string_view expression, int64_t start_ms, int64_t end_ms, int64_t step_ms,
                            const QueryOptions& options = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tidemark::promql
