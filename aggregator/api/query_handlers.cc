#include "aggregator/api/query_handlers.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "aggregator/api/parameters.h"
#include "aggregator/api/result_json.h"
#include "aggregator/promql/parser.h"
#include "aggregator/promql/quote.h"

namespace tidemark::api {
namespace {

// Of an answer: some milliseconds of encoding, and what waits for a slow client. Shorter ones are sent with their
// length.
constexpr size_t kPieceBytes = size_t{1} << 20;
constexpr int64_t kPointsMax = 11'000;  // Of a series: a week at 60 s, or a year at 1 h.

// max_source_resolution, as Thanos names it: the coarsest rollups that may answer although raw samples are there.
// "0s", a duration, or "auto": five points a step.
tl::expected<int64_t, Error> max_resolution_ms(const Parameters& parameters, int64_t step_ms) {
  constexpr int64_t kPointsInStep = 5;
  const std::string_view text = parameters.value("max_source_resolution");
  if (text.empty()) return 0;
  if (text == "auto") return step_ms / kPointsInStep;
  const auto resolution_ms = parse_step_ms(text);
  if (resolution_ms && *resolution_ms >= 0) return *resolution_ms;
  const std::string why = resolution_ms ? "must not be negative" : resolution_ms.error().message();
  return refuse(bad_parameter("max_source_resolution", why));
}

// stats, timeout, lookback_delta and max_source_resolution. `step_ms` is 0 for an instant query.
tl::expected<promql::QueryOptions, Error> query_options(const Parameters& parameters, int64_t step_ms) {
  promql::QueryOptions options;
  if (const std::string_view stats = parameters.value("stats"); !stats.empty()) {
    options.stats = stats == "all" ? promql::WantedStats::kSteps : promql::WantedStats::kTotals;
  }
  const auto resolution_ms = max_resolution_ms(parameters, step_ms);
  if (!resolution_ms) return refuse(resolution_ms.error());
  options.max_resolution_ms = *resolution_ms;
  if (!parameters.value("timeout").empty()) {
    const auto timeout_ms = parameters.duration("timeout", 0);
    if (!timeout_ms) return refuse(timeout_ms.error());
    options.timeout_ms = std::max<int64_t>(*timeout_ms, 1);  // Zero would be the engine's own.
  }
  if (const std::string_view text = parameters.value("lookback_delta"); !text.empty()) {
    const auto lookback_ms = parse_step_ms(text);
    if (!lookback_ms) {
      return refuse({ErrorType::kBadData,
                     fmt::format("error parsing lookback delta duration: {}", lookback_ms.error().message())});
    }
    options.lookback_ms = std::max<int64_t>(*lookback_ms, 0);
  }
  return options;
}

Error query_error(const Status& status) {
  Error error = error_of(status);
  if (error.type == ErrorType::kBadData) return bad_parameter("query", error.message);
  return error;
}

// An answer on its way. Until it is sent, the query is listed and its deadline holds.
class Sending {
 public:
  explicit Sending(promql::QueryResult result) : result_(std::move(result)), encoder_(result_) {}
  Sending(const Sending&) = delete;
  Sending& operator=(const Sending&) = delete;

  // True when `out` has got the end.
  bool write(std::string& out) { return encoder_.write(out, kPieceBytes); }
  // Takes what the pieces take from the query's budget: one that waits, one in the making and what it is made of.
  Status begin_pieces() { return result_.query->keep(3 * kPieceBytes); }
  net::More write_piece(std::string& out) {
    if (!result_.query->account().poll().ok()) return net::More::kCutOff;
    return write(out) ? net::More::kEnd : net::More::kYes;
  }

 private:
  const promql::QueryResult result_;
  ResultEncoder encoder_;
};

// Long ones in pieces. An error is not possible once the first piece is there: a deadline or a kill cuts the answer
// off.
Outcome send(promql::QueryResult result, Answer answer) {
  const auto sending = std::make_shared<Sending>(std::move(result));
  if (sending->write(answer.body)) return answer;
  if (const Status status = sending->begin_pieces(); !status.ok()) return refuse(query_error(status));
  answer.rest = [sending](std::string& piece) { return sending->write_piece(piece); };
  return answer;
}

Outcome encode(promql::QueryResult result, size_t limit, std::string_view stats) {
  Answer answer;
  answer.warnings = std::move(result.warnings);
  answer.infos = std::move(result.infos);
  const bool has_many = result.type == promql::ResultType::kVector || result.type == promql::ResultType::kMatrix;
  if (has_many && limit > 0 && result.series.size() > limit) {
    result.series.resize(limit);
    answer.warnings.emplace_back("results truncated due to limit");
  }
  if (!stats.empty() && stats != "true" && stats != "all") {
    answer.warnings.push_back(
        fmt::format("value {} for parameter \"stats\" is deprecated and will be rejected in the next major release, "
                    "use \"true\" or \"all\"",
                    promql::quoted(stats)));
  }
  return send(std::move(result), std::move(answer));
}

}  // namespace

Outcome query(promql::Engine& engine, const Clock& clock, const net::Request& request) {
  const Parameters parameters(request);
  const auto limit = parameters.limit();
  if (!limit) return refuse(limit.error());
  const auto t_ms = parameters.time("time", clock.now_ms());
  if (!t_ms) return refuse(t_ms.error());
  const auto options = query_options(parameters, 0);
  if (!options) return refuse(options.error());
  auto result = engine.instant(parameters.value("query"), *t_ms, *options);
  if (!result) return refuse(query_error(result.error()));
  return encode(std::move(*result), *limit, parameters.value("stats"));
}

Outcome query_range(promql::Engine& engine, const net::Request& request) {
  const Parameters parameters(request);
  const auto limit = parameters.limit();
  if (!limit) return refuse(limit.error());
  const auto start_ms = parse_time_ms(parameters.value("start"));
  if (!start_ms) return refuse(bad_parameter("start", start_ms.error().message()));
  const auto end_ms = parse_time_ms(parameters.value("end"));
  if (!end_ms) return refuse(bad_parameter("end", end_ms.error().message()));
  if (*end_ms < *start_ms) return refuse(bad_parameter("end", "end timestamp must not be before start time"));
  const auto step_ms = parse_step_ms(parameters.value("step"));
  if (!step_ms) return refuse(bad_parameter("step", step_ms.error().message()));
  if (*step_ms <= 0) {
    return refuse(bad_parameter(
        "step", "zero or negative query resolution step widths are not accepted. Try a positive integer"));
  }
  if ((*end_ms - *start_ms) / *step_ms > kPointsMax) {
    return refuse({ErrorType::kBadData,
                   "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution "
                   "(?step=XX)"});
  }
  const auto options = query_options(parameters, *step_ms);
  if (!options) return refuse(options.error());
  auto result = engine.range(parameters.value("query"), *start_ms, *end_ms, *step_ms, *options);
  if (!result) return refuse(query_error(result.error()));
  return encode(std::move(*result), *limit, parameters.value("stats"));
}

Outcome query_exemplars(const net::Request& request) {
  // Whatever the engine may have been told to allow.
  static constexpr promql::ParserOptions kEverything{true, true, true};
  const Parameters parameters(request);
  const auto range = parameters.start_and_end();
  if (!range) return refuse(range.error());
  if (range->max_ms < range->min_ms)
    return refuse({ErrorType::kBadData, "end timestamp must not be before start timestamp"});
  const auto parsed = promql::parse_expression(parameters.value("query"), kEverything);
  if (!parsed) return refuse(error_of(parsed.error()));
  Answer answer;
  answer.no_content = !promql::has_selector(**parsed);
  answer.body += "[]";
  return answer;
}

}  // namespace tidemark::api
