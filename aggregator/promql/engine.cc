#include "aggregator/promql/engine.h"

#include <fmt/format.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#include "aggregator/promql/admission.h"
#include "aggregator/promql/context.h"
#include "aggregator/promql/helpers.h"
#include "aggregator/promql/plan.h"
#include "aggregator/promql/result.h"
#include "aggregator/promql/sample_counts.h"

namespace tidemark::promql {
namespace {

// Times further from 1970 than this (about 285,000 years) are refused, so that sums of a time, a range and an offset
// stay far from the ends of int64_t.
constexpr int64_t kTimeMaxMs = int64_t{1} << 53;
constexpr int64_t kTimeoutMaxMs = int64_t{1} << 42;  // 139 years, whose nanoseconds leave room to count from now.

prometheus::Histogram& duration_histogram(prometheus::Registry& registry, const char* type) {
  const prometheus::Histogram::BucketBoundaries bounds = {0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60};
  return prometheus::BuildHistogram()
      .Name("tidemark_query_duration_seconds")
      .Help("Time from a query's turn to its answer or error.")
      .Register(registry)
      .Add({{"type", type}}, bounds);
}

prometheus::Counter& failure_counter(prometheus::Registry& registry, const char* reason) {
  return prometheus::BuildCounter()
      .Name("tidemark_query_failures_total")
      .Help("Queries without an answer, by reason.")
      .Register(registry)
      .Add({{"reason", reason}});
}

prometheus::Gauge& gauge(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({});
}

unsigned threads_of(const EngineOptions& options) {
  return std::max(1u, options.threads_max > 0 ? options.threads_max : std::thread::hardware_concurrency());
}

unsigned places_of(const EngineOptions& options) {
  return std::max(1u, options.computing_max > 0 ? options.computing_max : std::thread::hardware_concurrency());
}

struct Metrics {
  explicit Metrics(prometheus::Registry& r)
      : instant_seconds(duration_histogram(r, "instant")),
        range_seconds(duration_histogram(r, "range")),
        running(gauge(r, "tidemark_query_running", "Queries being evaluated.")),
        waiting(gauge(r, "tidemark_query_waiting", "Queries waiting for their turn.")),
        running_max(gauge(r, "tidemark_query_running_max", "Queries that may be evaluated at a time.")),
        helpers_busy(gauge(r, "tidemark_query_helpers_busy", "Threads that lend queries a hand.")),
        helpers(gauge(r, "tidemark_query_helpers", "Threads that can lend queries a hand.")),
        samples_read(prometheus::BuildCounter()
                         .Name("tidemark_query_samples_read_total")
                         .Help("Samples that queries decoded.")
                         .Register(r)
                         .Add({})),
        slow(prometheus::BuildCounter()
                 .Name("tidemark_query_slow_total")
                 .Help("Queries that took longer than --query.log-slower-than.")
                 .Register(r)
                 .Add({})),
        turns_passed(prometheus::BuildCounter()
                         .Name("tidemark_query_turns_passed_total")
                         .Help("How often a query stood back for another, because more run than there are processors.")
                         .Register(r)
                         .Add({})),
        invalid(failure_counter(r, "invalid")),
        execution(failure_counter(r, "execution")),
        limit(failure_counter(r, "limit")),
        timeout(failure_counter(r, "timeout")),
        canceled(failure_counter(r, "canceled")),
        refused(failure_counter(r, "refused")),
        other(failure_counter(r, "other")) {}

  void count_failure(Code code) {
    switch (code) {
      case Code::kInvalid:
        return invalid.Increment();
      case Code::kExecution:
        return execution.Increment();
      case Code::kLimit:
        return limit.Increment();
      case Code::kTimeout:
        return timeout.Increment();
      case Code::kCanceled:
        return canceled.Increment();
      case Code::kUnavailable:
        return refused.Increment();
      default:
        return other.Increment();
    }
  }

  prometheus::Histogram& instant_seconds;
  prometheus::Histogram& range_seconds;
  prometheus::Gauge& running;
  prometheus::Gauge& waiting;
  prometheus::Gauge& running_max;
  prometheus::Gauge& helpers_busy;
  prometheus::Gauge& helpers;
  prometheus::Counter& samples_read;
  prometheus::Counter& slow;
  prometheus::Counter& turns_passed;
  prometheus::Counter& invalid;
  prometheus::Counter& execution;
  prometheus::Counter& limit;
  prometheus::Counter& timeout;
  prometheus::Counter& canceled;
  prometheus::Counter& refused;
  prometheus::Counter& other;
};

}  // namespace

struct Engine::State {
  State(storage::Queryable& queryable, const EngineOptions& engine_options, const Clock& engine_clock,
        prometheus::Registry& registry)
      : store(queryable),
        options(engine_options),
        clock(engine_clock),
        metrics(registry),
        admission({options.concurrency_max, options.waiting_max}, clock, metrics.running, metrics.waiting),
        turns(places_of(options), metrics.turns_passed),
        subquery_step_ms(options.subquery_step_ms),
        helpers(threads_of(options) - 1, metrics.helpers_busy) {
    metrics.running_max.Set(options.concurrency_max);
    metrics.helpers.Set(static_cast<double>(helpers.count()));
  }

  struct Request {
    std::string_view text;
    int64_t start_ms = 0;
    int64_t end_ms = 0;
    int64_t step_ms = 0;
    bool instant = false;
  };

  Result<QueryResult> run(const Request& request, const QueryOptions& query) {
    const auto out_of_range = [](int64_t t_ms) { return t_ms > kTimeMaxMs || t_ms < -kTimeMaxMs; };
    Result<QueryResult> result = out_of_range(request.start_ms) || out_of_range(request.end_ms)
                                     ? fail(Status::invalid("the query's time is out of range"))
                                     : admitted(request, query);
    if (!result) metrics.count_failure(result.error().code());
    return result;
  }

  Result<QueryResult> admitted(const Request& request, const QueryOptions& query) {
    // What is wrong with the text is said without waiting for a turn.
    const auto expr = parse_expression(request.text, options.parser);
    if (!expr) return fail(expr.error());
    if (Status status = check(request, **expr); !status.ok()) return fail(std::move(status));
    const int64_t parsed_ns = clock.monotonic_ns();
    const Result<Plan> plan =
        Plan::make(**expr, {request.start_ms, request.end_ms, request.step_ms, subquery_step_ms.load()});
    if (!plan) return fail(plan.error());
    const int64_t planned_ns = clock.monotonic_ns();

    QueryLimits limits;
    int64_t timeout_ms = std::min(options.timeout_ms, kTimeoutMaxMs);
    if (query.timeout_ms > 0) timeout_ms = std::min(timeout_ms, query.timeout_ms);
    limits.deadline_ns = planned_ns + timeout_ms * 1'000'000;
    limits.samples_max = options.samples_max;
    limits.bytes_max = options.bytes_max;
    limits.max_resolution_ms = query.max_resolution_ms;
    limits.query_canceled = query.canceled;
    auto entry = std::make_shared<ActiveQueries::Entry>(active,
                                                        ActiveQuery{.text = std::string(request.text),
                                                                    .instant = request.instant,
                                                                    .start_ms = request.start_ms,
                                                                    .end_ms = request.end_ms,
                                                                    .step_ms = request.step_ms},
                                                        limits);
    if (Status status = admission.enter(entry->account()); !status.ok()) return fail(std::move(status));
    const int64_t begin_ns = clock.monotonic_ns();
    entry->set_state(ActiveQuery::State::kRunning);
    Result<QueryResult> result = [&] {
      Turns::Turn turn(turns, entry->account());
      return evaluate(request, *plan, entry->account(), query, turn);
    }();
    admission.leave();
    if (result) {
      result->stats.queue_seconds = static_cast<double>(begin_ns - planned_ns) / 1e9;
      result->stats.prepare_seconds += static_cast<double>(planned_ns - parsed_ns) / 1e9;
    }
    log_if_slow(request, *entry, result);
    if (result) result = held(std::move(*result), std::move(entry));
    (request.instant ? metrics.instant_seconds : metrics.range_seconds)
        .Observe(static_cast<double>(clock.monotonic_ns() - begin_ns) / 1e9);
    return result;
  }

  // An answer stays charged to its query, and listed, until it goes.
  Result<QueryResult> held(QueryResult result, std::shared_ptr<ActiveQueries::Entry> entry) {
    size_t bytes = result.stats.steps.size() * sizeof(QueryStats::Step);
    for (const ResultSeries& series : result.series) {
      bytes += sizeof(ResultSeries) + series.labels.encoded().size() + series.samples.size() * sizeof(Sample) +
               series.histograms.size() * sizeof(HistogramSample);
      const NativeHistogram* last = nullptr;  // Neighbours may share one.
      for (const HistogramSample& one : series.histograms) {
        if (one.histogram.get() != last) bytes += one.histogram->bytes();
        last = one.histogram.get();
      }
    }
    if (Status status = entry->keep(bytes); !status.ok()) return fail(std::move(status));
    entry->set_state(ActiveQuery::State::kSending);
    result.query = std::move(entry);
    if (helpers.count() > 0) result.helpers = &helpers;
    return result;
  }

  Result<QueryResult> evaluate(const Request& request, const Plan& plan, QueryAccount& account,
                               const QueryOptions& query, Turns::Turn& turn) {
    const int64_t begin_ns = clock.monotonic_ns();
    auto querier = store.querier();
    if (!querier) return fail(querier.error());
    QueryContext context(request.text, **querier, account,
                         {.lookback_ms = query.lookback_ms > 0 ? query.lookback_ms : options.lookback_ms,
                          .delayed_name_removal = options.delayed_name_removal,
                          .use_start_timestamps = options.use_start_timestamps},
                         &helpers, &turn);
    const Grid grid = request.instant ? Grid{request.start_ms, 1, 1}
                                      : grid_between(request.start_ms, request.end_ms, request.step_ms);
    SampleCounts counts(query.stats == WantedStats::kNone ? 0 : grid.steps);
    if (query.stats != WantedStats::kNone) context.set_counts(&counts);
    const int64_t opened_ns = clock.monotonic_ns();
    Result<QueryResult> result =
        request.instant ? instant_result(context, plan, request.start_ms) : range_result(context, plan, grid);
    if (result) {
      QueryStats& stats = result->stats;
      stats.prepare_seconds = static_cast<double>(opened_ns - begin_ns) / 1e9;
      stats.evaluate_seconds = static_cast<double>(clock.monotonic_ns() - opened_ns) / 1e9 - stats.sort_seconds;
      stats.wanted = query.stats;
      fill_samples(account.usage(), counts, grid, stats);
    }
    metrics.samples_read.Increment(static_cast<double>(account.usage().samples_read.load()));
    return result;
  }

  static void fill_samples(const QueryUsage& usage, const SampleCounts& counts, const Grid& grid, QueryStats& stats) {
    stats.samples_peak = usage.samples_peak.load();
    stats.samples_looked_at = counts.looked_at();
    stats.samples_read = counts.read();
    if (stats.wanted != WantedStats::kSteps) return;
    stats.steps.reserve(grid.steps);
    for (size_t i = 0; i < grid.steps; ++i)
      stats.steps.push_back({grid.time_ms(i), counts.looked_at(i), counts.read(i)});
  }

  void log_if_slow(const Request& request, ActiveQueries::Entry& entry, const Result<QueryResult>& result) {
    const double seconds = entry.seconds();
    if (options.slow_ms <= 0 || seconds * 1000 < static_cast<double>(options.slow_ms)) return;
    metrics.slow.Increment();
    if (options.logger == nullptr) return;
    constexpr size_t kTextMax = 1000;
    std::string text(request.text.substr(0, kTextMax));
    if (request.text.size() > kTextMax) text += "...";
    const QueryUsage& usage = entry.account().usage();
    options.logger->warn("slow query", {{"query", text},
                                        {"start", fmt::format("{:.3f}", static_cast<double>(request.start_ms) / 1000)},
                                        {"end", fmt::format("{:.3f}", static_cast<double>(request.end_ms) / 1000)},
                                        {"step", fmt::format("{:.3f}", static_cast<double>(request.step_ms) / 1000)},
                                        {"seconds", fmt::format("{:.3f}", seconds)},
                                        {"samples", std::to_string(usage.samples_read.load())},
                                        {"bytes", std::to_string(usage.bytes_peak.load())},
                                        {"error", result ? "" : result.error().message()}});
  }

  static Status check(const Request& request, const Expr& expr) {
    if (request.instant || expr.type == ValueType::kScalar || expr.type == ValueType::kVector) return {};
    return Status::invalid(
        fmt::format("invalid expression type \"{}\" for range query, must be Scalar or instant Vector",
                    documented_type_name(expr.type)));
  }

  storage::Queryable& store;
  const EngineOptions options;
  const Clock& clock;
  Metrics metrics;
  Admission admission;
  Turns turns;
  std::atomic<int64_t> subquery_step_ms;  // Relaxed would do: nothing else hangs on it.
  const std::shared_ptr<ActiveQueries> active = std::make_shared<ActiveQueries>(clock, options.bytes_all_max);
  Helpers helpers;
};

Engine::Engine(storage::Queryable& store, const EngineOptions& options, const Clock& clock,
               prometheus::Registry& metrics)
    : state_(std::make_unique<State>(store, options, clock, metrics)) {}

Engine::~Engine() = default;

void Engine::cancel_all() { state_->active->cancel_all(); }

const ParserOptions& Engine::parser_options() const { return state_->options.parser; }

std::vector<ActiveQuery> Engine::active() const { return state_->active->list(); }

bool Engine::kill(uint64_t id) { return state_->active->kill(id); }

void Engine::set_subquery_step(int64_t step_ms) { state_->subquery_step_ms = std::max<int64_t>(1, step_ms); }

Result<QueryResult> Engine::instant(std::string_view expression, int64_t t_ms, const QueryOptions& options) {
  return state_->run({expression, t_ms, t_ms, 0, true}, options);
}

Result<QueryResult> Engine::range(std::string_view expression, int64_t start_ms, int64_t end_ms, int64_t step_ms,
                                  const QueryOptions& options) {
  return state_->run({expression, start_ms, end_ms, step_ms, false}, options);
}

}  // namespace tidemark::promql
