#include "tests/promql/promqltest/runner.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <prometheus/registry.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include "aggregator/promql/engine.h"
#include "model/number.h"
#include "tests/promql/promqltest/custom_buckets.h"
#include "tests/promql/promqltest/histogram_literal.h"
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

bool almost_equal(const BucketList& a, const BucketList& b) {
  std::vector<std::pair<int32_t, double>> x;
  std::vector<std::pair<int32_t, double>> y;
  a.for_each([&](int32_t place, double count) { x.emplace_back(place, count); });
  b.for_each([&](int32_t place, double count) { y.emplace_back(place, count); });
  return std::equal(x.begin(), x.end(), y.begin(), y.end(), [](const auto& p, const auto& q) {
    return p.first == q.first && almost_equal(p.second, q.second);
  });
}

// Apart from empty buckets.
bool almost_equal(NativeHistogram a, NativeHistogram b) {
  compact(a);
  compact(b);
  return a.schema == b.schema && almost_equal(a.count, b.count) && almost_equal(a.sum, b.sum) && a.bounds == b.bounds &&
         a.zero_threshold == b.zero_threshold && almost_equal(a.zero_count, b.zero_count) &&
         almost_equal(a.positive, b.positive) && almost_equal(a.negative, b.negative);
}

// A sample, or what is expected of one.
struct Point {
  int64_t t_ms = 0;
  Value value;
};

bool meets(const Point& expected, const Point& got) {
  if (expected.t_ms != got.t_ms || expected.value.kind != got.value.kind) return false;
  if (expected.value.kind == Value::Kind::kFloat) return almost_equal(expected.value.number, got.value.number);
  const NativeHistogram& a = *expected.value.histogram;
  const NativeHistogram& b = *got.value.histogram;
  return almost_equal(a, b) && (!expected.value.hint_given || a.reset == b.reset);
}

std::vector<Point> points_of(const ResultSeries& series) {
  std::vector<Point> points;
  for (const Sample& s : series.samples) points.push_back({s.t_ms, {Value::Kind::kFloat, s.v, nullptr, false}});
  for (const HistogramSample& h : series.histograms) {
    points.push_back({h.t_ms, {Value::Kind::kHistogram, 0, h.histogram, false}});
  }
  std::stable_sort(points.begin(), points.end(), [](const Point& a, const Point& b) { return a.t_ms < b.t_ms; });
  return points;
}

std::string text_of(const std::vector<Point>& points) {
  std::string out;
  for (const Point& p : points) {
    const bool is_float = p.value.kind == Value::Kind::kFloat;
    out +=
        fmt::format(" {}@{}", is_float ? format_float(p.value.number) : histogram_literal(*p.value.histogram), p.t_ms);
  }
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

std::vector<Point> points_of(const SeriesLine& line, int64_t start_ms, int64_t step_ms) {
  std::vector<Point> points;
  for (size_t i = 0; i < line.values.size(); ++i) {
    if (line.values[i].kind == Value::Kind::kOmitted) continue;
    points.push_back({start_ms + static_cast<int64_t>(i) * step_ms, line.values[i]});
  }
  return points;
}

Verdict compare_series(const ResultSeries& series, const std::vector<Point>& expected) {
  const std::vector<Point> got = points_of(series);
  if (std::equal(expected.begin(), expected.end(), got.begin(), got.end(), meets)) return {};
  return fmt::format("{}: expected{}, got{}", series.labels.to_string(), text_of(expected), text_of(got));
}

Verdict compare_all(const Eval& eval, const std::vector<ResultSeries>& got, int64_t start_ms, int64_t step_ms) {
  for (size_t place = 0; place < got.size(); ++place) {
    const auto line = std::find_if(eval.series.begin(), eval.series.end(),
                                   [&](const SeriesLine& s) { return s.labels == got[place].labels; });
    if (line == eval.series.end()) {
      return fmt::format("unexpected {}{}", got[place].labels.to_string(), text_of(points_of(got[place])));
    }
    if (eval.ordered && static_cast<size_t>(line - eval.series.begin()) != place) {
      return fmt::format("{} is at place {}", got[place].labels.to_string(), place + 1);
    }
    if (Verdict v = compare_series(got[place], points_of(*line, start_ms, step_ms)); !v.empty()) return v;
  }
  for (const SeriesLine& line : eval.series) {
    const bool found = std::any_of(got.begin(), got.end(), [&](const auto& s) { return s.labels == line.labels; });
    if (!found) return fmt::format("{} is missing", line.labels.to_string());
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
  options.parser = {true, true, true};
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
          report_.failed_lines.push_back(command.line);
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
      for (const Point& point : points_of(line, 0, load.gap_ms)) {
        batch.add(storage::kNoRef, line.labels, point.t_ms,
                  storage::Value{point.value.number, point.value.histogram.get(), point.value.start_ms});
      }
    }
    if (!load.with_histograms) return store_.load(batch);
    const auto converted = convert_classic_histograms(load);
    if (!converted) return converted.error();
    for (const ConvertedSeries& series : *converted) {
      for (const HistogramSample& sample : series.samples) {
        batch.add(storage::kNoRef, series.labels, sample.t_ms, storage::Value{0, sample.histogram.get(), kNoStart});
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
      std::erase_if(series.histograms, [&](const HistogramSample& h) { return h.t_ms != eval.start_ms; });
      if (!series.samples.empty() || !series.histograms.empty()) middle.series.push_back(std::move(series));
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
  if (!store) return {0, 1, {store.error().message()}, {0}};
  return Run(**store).run(text);
}

Report run_script_twice(std::string_view text) {
  Report out;
  std::set<int> failed;
  for (const auto& [kind, name] : {std::pair{StoreKind::kHead, "head"}, std::pair{StoreKind::kFiles, "files"}}) {
    const Report once = run_script(text, kind);
    out.total = std::max(out.total, once.total);
    failed.insert(once.failed_lines.begin(), once.failed_lines.end());
    for (const std::string& failure : once.failures) out.failures.push_back(fmt::format("{}: {}", name, failure));
  }
  out.failed_lines.assign(failed.begin(), failed.end());
  out.passed = out.total - failed.size();
  return out;
}

}  // namespace tidemark::promqltest
