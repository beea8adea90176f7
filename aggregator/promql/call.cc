// Function calls without a range: Evaluator's call methods, but for labels, order and ranges.
#include "aggregator/promql/call.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "aggregator/promql/calendar.h"
#include "aggregator/promql/evaluator.h"
#include "aggregator/promql/functions.h"
#include "aggregator/promql/math_functions.h"
#include "aggregator/promql/name_drop.h"
#include "aggregator/promql/range_functions.h"
#include "aggregator/promql/select.h"
#include "aggregator/promql/text.h"

namespace tidemark::promql {
namespace {

// Those that neither math_function() nor calendar_function() nor make_range_function() knows.
constexpr std::array<std::string_view, 32> kOthers = {"absent",
                                                      "clamp",
                                                      "clamp_max",
                                                      "clamp_min",
                                                      "end",
                                                      "histogram_avg",
                                                      "histogram_count",
                                                      "histogram_fraction",
                                                      "histogram_quantile",
                                                      "histogram_quantiles",
                                                      "histogram_stddev",
                                                      "histogram_stdvar",
                                                      "histogram_sum",
                                                      "info",
                                                      "label_join",
                                                      "label_replace",
                                                      "max_of",
                                                      "min_of",
                                                      "pi",
                                                      "range",
                                                      "round",
                                                      "scalar",
                                                      "sort",
                                                      "sort_by_label",
                                                      "sort_by_label_desc",
                                                      "sort_desc",
                                                      "start",
                                                      "start_timestamp",
                                                      "step",
                                                      "time",
                                                      "timestamp",
                                                      "vector"};

constexpr double kInf = std::numeric_limits<double>::infinity();

// The labels that an absent series would certainly have: those its selector requires by "=" and only once.
Labels labels_when_absent(const Expr& arg) {
  const Expr& expr = unwrap_parens(arg);
  const VectorSelector* selector = try_as<VectorSelector>(expr);
  if (const auto* matrix = try_as<MatrixSelector>(expr)) selector = matrix->vector.get();
  LabelsBuilder builder;
  if (selector == nullptr) return builder.build();
  std::vector<std::string_view> seen;
  for (const Matcher& matcher : selector->matchers) {
    if (matcher.name() == kMetricName) continue;
    const bool again = std::find(seen.begin(), seen.end(), matcher.name()) != seen.end();
    if (matcher.op() == MatchOp::kEqual && !again) {
      builder.set(matcher.name(), matcher.value());
      seen.push_back(matcher.name());
    } else {
      builder.erase(matcher.name());
    }
  }
  return builder.build();
}

// What start(), end(), range() and step() are, in seconds. A query of one time has no step.
double query_time(const QueryTimes& query, std::string_view function) {
  int64_t ms = query.start_ms == query.end_ms ? 0 : query.step_ms;
  if (function == "start") ms = query.start_ms;
  if (function == "end") ms = query.end_ms;
  if (function == "range") ms = query.end_ms - query.start_ms;
  return static_cast<double>(ms) / 1000;
}

}  // namespace

bool is_supported_function(std::string_view name) {
  return std::find(kOthers.begin(), kOthers.end(), name) != kOthers.end() || math_function(name) != nullptr ||
         calendar_function(name) != nullptr || is_range_function(name);
}

Status Evaluator::call(const CallExpr& call, const Grid& grid, SeriesSink& sink) {
  const std::string_view name = call.function->name;
  if (name.starts_with("absent")) return absent_call(call, grid, sink);
  if (is_range_function(name)) return range_call(call, grid, sink);
  if (name == "round" || math_function(name) != nullptr) return map_call(call, grid, sink);
  if (calendar_function(name) != nullptr) return calendar_call(call, grid, sink);
  if (name.starts_with("clamp")) return clamp_call(call, grid, sink);
  if (name.starts_with("label_")) return label_call(call, grid, sink);
  if (name.starts_with("sort")) return sort_call(call, grid, sink);
  if (name == "info") return info_call(call, grid, sink);
  if (name == "timestamp" || name == "start_timestamp") return timestamp_call(call, grid, sink);
  if (name == "vector") {
    Series series;
    Charge charge(context_);
    if (Status status = scalar(*call.args[0], grid, series.column, charge); !status.ok()) return status;
    return sink.consume(series);
  }
  if (name.starts_with("histogram_")) return histogram_call(call, grid, sink);
  return Status::internal(fmt::format("function \"{}\" has no implementation", name));
}

Status Evaluator::scalar_call(const CallExpr& call, const Grid& grid, Column& out) {
  const std::string_view name = call.function->name;
  out.reset(grid.steps);
  out.present.fill();
  if (name == "pi") {
    std::fill(out.v.begin(), out.v.end(), 3.14159265358979323846);
    return {};
  }
  if (name == "time") {
    for (size_t i = 0; i < grid.steps; ++i) out.v[i] = static_cast<double>(grid.time_ms(i)) / 1000;
    return {};
  }
  if (name == "start" || name == "end" || name == "range" || name == "step") {
    std::fill(out.v.begin(), out.v.end(), query_time(plan_.query(), name));
    return {};
  }
  if (name == "min_of" || name == "max_of") {
    Column right;
    Charge charge(context_);
    if (Status status = scalar_once(*call.args[0], grid, out); !status.ok()) return status;
    if (Status status = scalar(*call.args[1], grid, right, charge); !status.ok()) return status;
    for (size_t i = 0; i < grid.steps; ++i) out.v[i] = (name == "min_of" ? min_of : max_of)(out.v[i], right.v[i]);
    return {};
  }
  // scalar(): the one value there is, NaN where there is none or a choice.
  std::fill(out.v.begin(), out.v.end(), std::numeric_limits<double>::quiet_NaN());
  Presence met(grid.steps);
  FunctionSink only([&](Series& series) {
    series.column.present.for_each([&](size_t i) {
      out.v[i] = met.get(i) ? std::numeric_limits<double>::quiet_NaN() : series.column.v[i];
      met.set(i);
    });
    return Status();
  });
  return vector(*call.args[0], grid, only);
}

Status Evaluator::map_call(const CallExpr& call, const Grid& grid, SeriesSink& sink) {
  const MathFunction function = math_function(call.function->name);
  Column inverse;  // Of round's second argument, where there is one.
  Charge charge(context_);
  if (call.args.size() > 1) {
    if (Status status = scalar(*call.args[1], grid, inverse, charge); !status.ok()) return status;
    for (double& v : inverse.v) v = 1.0 / v;
  }
  NameDrop names(context_, sink);
  FunctionSink mapped([&](Series& series) {
    if (!series.column.drop_histograms()) return Status();
    std::vector<double>& v = series.column.v;
    if (inverse.v.empty()) {
      series.column.present.for_each([&](size_t i) { v[i] = function(v[i]); });
    } else {
      series.column.present.for_each([&](size_t i) { v[i] = round_to(v[i], inverse.v[i]); });
    }
    if (Status status = names.apply(series); !status.ok()) return status;
    return sink.consume(series);
  });
  return vector(*call.args[0], grid, mapped);
}

Status Evaluator::clamp_call(const CallExpr& call, const Grid& grid, SeriesSink& sink) {
  const std::string_view name = call.function->name;
  Charge charge(context_);
  if (Status status = charge_columns(charge, 2, grid); !status.ok()) return status;
  Column low = Column::constant(grid.steps, -kInf);
  Column high = Column::constant(grid.steps, kInf);
  Column& first = name == "clamp_max" ? high : low;
  if (Status status = scalar_once(*call.args[1], grid, first); !status.ok()) return status;
  if (name == "clamp") {
    if (Status status = scalar_once(*call.args[2], grid, high); !status.ok()) return status;
  }
  NameDrop names(context_, sink);
  FunctionSink clamped([&](Series& series) {
    Column& column = series.column;
    if (!column.drop_histograms()) return Status();
    for (size_t i = 0; i < grid.steps; ++i) {
      if (high.v[i] < low.v[i]) column.present.clear(i);
      column.v[i] = max_of(low.v[i], min_of(high.v[i], column.v[i]));
    }
    if (!column.present.any()) return Status();
    if (Status status = names.apply(series); !status.ok()) return status;
    return sink.consume(series);
  });
  return vector(*call.args[0], grid, clamped);
}

Status Evaluator::calendar_call(const CallExpr& call, const Grid& grid, SeriesSink& sink) {
  const CalendarFunction function = calendar_function(call.function->name);
  if (call.args.empty()) {
    Series now;
    Charge charge(context_);
    if (Status status = charge_columns(charge, 1, grid); !status.ok()) return status;
    now.column.reset(grid.steps);
    for (size_t i = 0; i < grid.steps; ++i) {
      const int64_t seconds = grid.time_ms(i) / 1000;
      now.column.set(i, function(static_cast<double>(seconds)));
    }
    return sink.consume(now);
  }
  NameDrop names(context_, sink);
  FunctionSink mapped([&](Series& series) {
    if (!series.column.drop_histograms()) return Status();
    series.column.present.for_each([&](size_t i) { series.column.v[i] = function(series.column.v[i]); });
    if (Status status = names.apply(series); !status.ok()) return status;
    return sink.consume(series);
  });
  return vector(*call.args[0], grid, mapped);
}

Status Evaluator::timestamp_call(const CallExpr& call, const Grid& grid, SeriesSink& sink) {
  NameDrop names(context_, sink);
  const Expr& arg = unwrap_parens(*call.args[0]);
  const bool of_start = call.function->name == "start_timestamp";
  if (of_start && (arg.kind != ExprKind::kVectorSelector || !context_.use_start_timestamps())) {
    // What is calculated has started nowhere.
    FunctionSink nothing([](Series&) { return Status(); });
    return vector(arg, grid, nothing);
  }
  if (const auto* selector = try_as<VectorSelector>(arg)) {
    FunctionSink renamed([&](Series& series) {
      if (Status status = names.apply(series); !status.ok()) return status;
      return sink.consume(series);
    });
    return select_instant(context_, {selector->matchers, plan_.times(arg).shift, call.function->name, of_start}, grid,
                          of_start ? What::kStartTimestamps : What::kTimestamps, renamed);
  }
  FunctionSink stamped([&](Series& series) {
    series.column.present = series.column.all_present();
    series.column.drop_histograms();
    for (size_t i = 0; i < grid.steps; ++i) series.column.v[i] = static_cast<double>(grid.time_ms(i)) / 1000;
    if (Status status = names.apply(series); !status.ok()) return status;
    return sink.consume(series);
  });
  return vector(arg, grid, stamped);
}

Status Evaluator::absent_call(const CallExpr& call, const Grid& grid, SeriesSink& sink) {
  Series absent;
  Charge charge(context_);
  if (Status status = charge_columns(charge, 1, grid); !status.ok()) return status;
  absent.column = Column::constant(grid.steps, 1);
  FunctionSink found([&](Series& series) {
    series.column.all_present().for_each([&](size_t i) { absent.column.present.clear(i); });
    return Status();
  });
  const bool over_time = is_range_function(call.function->name);
  if (Status status = over_time ? range_call(call, grid, found) : vector(*call.args[0], grid, found); !status.ok()) {
    return status;
  }
  if (!absent.column.present.any()) return {};
  absent.labels = labels_when_absent(*call.args[0]);
  return sink.consume(absent);
}

}  // namespace tidemark::promql
