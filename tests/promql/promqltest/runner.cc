#include "tests/promql/promqltest/runner.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <prometheus/registry.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "aggregator/promql/engine.h"
#include "model/number.h"
#include "tests/promql/promqltest/script.h"
#include "tests/promql/promqltest/stores.h"

namespace tidemark::promqltest {
namespace {

using promql::QueryResult;
using promql::ResultSeries;
using promql::ResultType;

constexpr double kTolerance = 1e-6;  // Scripts write values with few digits. Prometheus' figure.
constexpr int64_t kMinuteMs = 60'000;

bool almost_equal(double a, double b) {
  if (is_stale(a) || is_stale(b)) return is_stale(a) && is_stale(b);
  if (a == b || (std::isnan(a) && std::isnan(b))) return true;
  constexpr double kMinNormal = std::numeric_limits<double>::min();
  const double sum = std::fabs(a) + std::fabs(b);
  const double difference = std::fabs(a - b);
  if (a == 0 || b == 0 || sum < kMinNormal) return difference < kTolerance * kMinNormal;
  return difference / std::min(sum, std::numeric_limits<double>::max()) < kTolerance;
}

std::string text_of(const std::vector<Sample>& samples) {
  std::string out;
  for (const Sample& s : samples) out += fmt::format(" {}@{}", format_float(s.v), s.t_ms);
  return out;
}

// Empty when all is as expected, else what is not.
using Verdict = std::string;

Verdict check_messages(const std::vector<Expectation>& expected, bool none_allowed,
                       const std::vector<std::string>& messages, std::string_view kind) {
  if (none_allowed && !messages.empty()) return fmt::format("unexpected {}: {}", kind, messages[0]);
  if (expected.empty()) return {};
  for (const Expectation& e : expected) {
    const bool met = std::any_of(messages.begin(), messages.end(), [&](const auto& m) { return e.matches(m); });
    if (!met) return fmt::format("expected {} {}, got [{}]", kind, e.to_string(), fmt::join(messages, "; "));
  }
  for (const std::string& m : messages) {
    const bool met = std::any_of(expected.begin(), expected.end(), [&](const auto& e) { return e.matches(m); });
    if (!met) return fmt::format("unexpected {}: {}", kind, m);
  }
  return {};
}

std::vector<Sample> expected_samples(const SeriesLine& line, int64_t start_ms, int64_t step_ms) {
  std::vector<Sample> samples;
  for (size_t i = 0; i < line.values.size(); ++i) {
    if (line.values[i].kind != Value::Kind::kFloat) continue;
    samples.push_back({start_ms + static_cast<int64_t>(i) * step_ms, line.values[i].number});
  }
  return samples;
}

Verdict compare_series(const ResultSeries& got, const std::vector<Sample>& expected) {
  bool same = got.samples.size() == expected.size();
  for (size_t i = 0; same && i < expected.size(); ++i) {
    same = got.samples[i].t_ms == expected[i].t_ms && almost_equal(got.samples[i].v, expected[i].v);
  }
  if (same) return {};
  return fmt::format("{}: expected{}, got{}", got.labels.to_string(), text_of(expected), text_of(got.samples));
}

Verdict compare_all(const Eval& eval, const std::vector<ResultSeries>& got, int64_t start_ms, int64_t step_ms) {
  for (size_t place = 0; place < got.size(); ++place) {
    const auto line = std::find_if(eval.series.begin(), eval.series.end(),
                                   [&](const SeriesLine& s) { return s.labels == got[place].labels; });
    if (line == eval.series.end()) {
      return fmt::format("unexpected {}{}", got[place].labels.to_string(), text_of(got[place].samples));
    }
    if (eval.ordered && static_cast<size_t>(line - eval.series.begin()) != place) {
      return fmt::format("{} is at place {}", got[place].labels.to_string(), place + 1);
    }
    if (Verdict v = compare_series(got[place], expected_samples(*line, start_ms, step_ms)); !v.empty()) return v;
  }
  for (const SeriesLine& line : eval.series) {
    const bool found = std::any_of(got.begin(), got.end(), [&](const auto& s) { return s.labels == line.labels; });
    if (!found) return fmt::format("{} is missing", line.labels.to_string());
    const bool floats = std::any_of(line.values.begin(), line.values.end(),
                                    [](const Value& v) { return v.kind == Value::Kind::kHistogram; });
    if (floats) return fmt::format("{} should be a native histogram", line.labels.to_string());
  }
  return {};
}

Verdict compare_result(const Eval& eval, const QueryResult& result) {
  switch (result.type) {
    case ResultType::kString:
      return eval.text.value_or("") == result.text ? Verdict() : fmt::format("got the string {}", result.text);
    case ResultType::kScalar: {
      const double v = result.series.at(0).samples.at(0).v;
      if (!eval.scalar) return fmt::format("expected a vector, got the scalar {}", format_float(v));
      return almost_equal(*eval.scalar, v) ? Verdict()
                                           : fmt::format("expected {}, got {}", *eval.scalar, format_float(v));
    }
    case ResultType::kVector:
      if (eval.scalar) return "expected a scalar, got a vector";
      return compare_all(eval, result.series, eval.start_ms, 1);
    case ResultType::kMatrix:
      if (eval.range_vector) {
        return compare_all(eval, result.series, eval.range_vector->start_ms, eval.range_vector->step_ms);
      }
      return compare_all(eval, result.series, eval.start_ms, eval.step_ms);
  }
  return {};
}

promql::EngineOptions engine_options() {
  promql::EngineOptions options;
  options.use_start_timestamps = true;
  options.delayed_name_removal = true;  // As Prometheus' own runner.
  options.parser = {true, true, true, true};
  return options;
}

class Run {
 public:
  explicit Run(ScriptStore& store) : store_(store), engine_(store_, engine_options(), system_clock(), registry_) {}

  Report run(std::string_view text) {
    for (const Command& command : parse_script(text)) {
      if (command.kind == Command::Kind::kClear) {
        expect_ok(command.line, store_.clear());
      } else if (command.kind == Command::Kind::kLoad) {
        expect_ok(command.line, load(command.load));
      } else {
        ++report_.total;
        const Verdict verdict = command.kind == Command::Kind::kBroken ? command.problem : eval(command.eval);
        if (verdict.empty()) {
          ++report_.passed;
        } else {
          report_.failures.push_back(fmt::format("line {}: {}: {}", command.line, command.eval.expr, verdict));
        }
      }
    }
    return std::move(report_);
  }

 private:
  void expect_ok(int line, const Status& status) {
    if (!status.ok()) report_.failures.push_back(fmt::format("line {}: {}", line, status.message()));
  }

  Status load(const Load& load) {
    storage::Batch batch;
    for (const SeriesLine& line : load.series) {
      for (size_t i = 0; i < line.values.size(); ++i) {
        const Value& value = line.values[i];
        if (value.kind != Value::Kind::kFloat) continue;
        batch.add(storage::kNoRef, line.labels, static_cast<int64_t>(i) * load.gap_ms,
                  storage::Value{value.number, nullptr, value.start_ms});
      }
    }
    return store_.load(batch);
  }

  Verdict eval(const Eval& eval) {
    const auto result = eval.is_range ? engine_.range(eval.expr, eval.start_ms, eval.end_ms, eval.step_ms)
                                      : engine_.instant(eval.expr, eval.start_ms);
    if (eval.fail) {
      if (result) return "expected an error, got a result";
      if (eval.fail->matches(result.error().message())) return {};
      return fmt::format("expected the error {}, got {}", eval.fail->to_string(), result.error().message());
    }
    if (!result) return result.error().message();
    if (Verdict v = check_messages(eval.warn, eval.no_warn, result->warnings, "warning"); !v.empty()) return v;
    if (Verdict v = check_messages(eval.info, eval.no_info, result->infos, "info"); !v.empty()) return v;
    if (Verdict v = compare_result(eval, *result); !v.empty()) return v;
    return eval.is_range ? Verdict() : in_range_mode(eval, *result);
  }

  // The same query as the middle of three steps.
  Verdict in_range_mode(const Eval& eval, const QueryResult& instant) {
    if (eval.ordered || eval.range_vector || eval.text) return {};
    for (const std::string_view varying : {"start()", "end()", "range()", "step()"}) {
      if (eval.expr.find(varying) != std::string::npos) return {};
    }
    auto result = engine_.range(eval.expr, eval.start_ms - kMinuteMs, eval.start_ms + kMinuteMs, kMinuteMs);
    if (!result) return "in range mode: " + result.error().message();
    QueryResult middle;
    middle.type = instant.type;
    for (ResultSeries& series : result->series) {
      std::erase_if(series.samples, [&](const Sample& s) { return s.t_ms != eval.start_ms; });
      if (!series.samples.empty()) middle.series.push_back(std::move(series));
    }
    Verdict verdict = compare_result(eval, middle);
    return verdict.empty() ? verdict : "in range mode: " + verdict;
  }

  ScriptStore& store_;
  prometheus::Registry registry_;
  promql::Engine engine_;
  Report report_;
};

}  // namespace

Report run_script(std::string_view text, StoreKind kind) {
  auto store = make_script_store(kind);
  if (!store) return {0, 1, {store.error().message()}};
  return Run(**store).run(text);
}

}  // namespace tidemark::promqltest
