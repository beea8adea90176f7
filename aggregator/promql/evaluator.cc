#include "aggregator/promql/evaluator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "aggregator/promql/aggregate.h"
#include "aggregator/promql/arithmetic.h"
#include "aggregator/promql/best_of_instant.h"
#include "aggregator/promql/extended.h"
#include "aggregator/promql/histogram_binary.h"
#include "aggregator/promql/matching.h"
#include "aggregator/promql/math_functions.h"
#include "aggregator/promql/name_drop.h"
#include "aggregator/promql/quote.h"
#include "aggregator/promql/sample_counts.h"
#include "aggregator/promql/select.h"
#include "aggregator/promql/text.h"
#include "model/histogram_math.h"
#include "model/utf8.h"

namespace tidemark::promql {
namespace {

// Spreads the one value of each series over all steps.
void broadcast(Column& column, size_t steps) {
  const bool present = column.present.get(0);
  const double value = column.v[0];
  if (!column.histograms.empty()) {
    const HistogramRef histogram = column.histograms.at[0];
    column.reset(steps);
    for (size_t i = 0; histogram != nullptr && i < steps; ++i) column.set(i, histogram);
  } else {
    column.reset(steps);
  }
  if (!present) return;
  std::fill(column.v.begin(), column.v.end(), value);
  column.present.fill();
}

void warn_quantile(QueryContext& context, double q, TextOffset at) {
  context.annotations().warn("quantile value should be between 0 and 1, got " + general(q), at);
}

// One warning for each way in which a parameter leaves its bounds, with the worst value.
void check_aggregation_parameter(QueryContext& context, AggregateOp op, const Column& parameter, TextOffset at) {
  double low = std::numeric_limits<double>::max();
  double high = -low;
  bool any_nan = false;
  for (const double v : parameter.v) {
    low = min_of(low, v);
    high = max_of(high, v);
    any_nan |= std::isnan(v);
  }
  if (op == AggregateOp::kQuantile) {
    if (any_nan) warn_quantile(context, std::numeric_limits<double>::quiet_NaN(), at);
    if (high > 1) warn_quantile(context, high, at);
    if (low < 0) warn_quantile(context, low, at);
  } else if (op == AggregateOp::kLimitRatio) {
    const auto warn = [&](double ratio, int capped) {
      context.annotations().warn(
          fmt::format("ratio value should be between -1 and 1, got {}, capping to {}", general(ratio), capped), at);
    };
    if (high > 1) warn(high, 1);
    if (low < -1) warn(low, -1);
  }
}

}  // namespace

Status Evaluator::vector(const Expr& expr, const Grid& grid, SeriesSink& sink) {
  if (grid.steps == 0) return {};
  if (Status status = context_.poll(); !status.ok()) return status;
  if (!plan_.is_step_invariant(expr)) return vector_once(expr, grid, sink);
  if (grid.steps == 1) return vector_once(expr, grid.first_step(), sink);
  Charge charge(context_);
  if (Status status = charge_columns(charge, 1, grid); !status.ok()) return status;
  FunctionSink spread(
      [&](Series& series) {
        broadcast(series.column, grid.steps);
        return sink.consume(series);
      },
      sink.labels_of_use());
  return count_once([&] { return vector_once(expr, grid.first_step(), spread); });
}

template <class Evaluate>
Status Evaluator::count_once(Evaluate evaluate) {
  SampleCounts* const counts = context_.counts();
  if (counts == nullptr) return evaluate();
  SampleCounts once(1);
  const CountScope scope(context_, &once);
  Status status = evaluate();
  counts->add_to_all(once);
  return status;
}

Status Evaluator::vector_once(const Expr& expr, const Grid& grid, SeriesSink& sink) {
  switch (expr.kind) {
    case ExprKind::kVectorSelector: {
      const Selector selector{as<VectorSelector>(expr).matchers,
                              plan_.times(expr).shift,
                              {},
                              false,
                              plan_.detail(as<VectorSelector>(expr))};
      const bool smoothed = as<VectorSelector>(expr).extension == Extension::kSmoothed;
      return smoothed ? select_smoothed(context_, selector, grid, expr.span.start, sink)
                      : select_instant(context_, selector, grid, What::kValues, sink);
    }
    case ExprKind::kParen:
      return vector(*as<ParenExpr>(expr).expr, grid, sink);
    case ExprKind::kUnary:
      return negate(as<UnaryExpr>(expr), grid, sink);
    case ExprKind::kBinary:
      return binary(as<BinaryExpr>(expr), grid, sink);
    case ExprKind::kAggregate:
      return aggregate(as<AggregateExpr>(expr), grid, sink);
    case ExprKind::kCall:
      return call(as<CallExpr>(expr), grid, sink);
    default:
      return Status::internal("expression is not a vector");
  }
}

Status Evaluator::charge_columns(Charge& charge, size_t columns, const Grid& grid) const {
  return charge.add(0, columns * Column::bytes(grid.steps));
}

Status Evaluator::scalar(const Expr& expr, const Grid& grid, Column& out, Charge& charge) {
  if (Status status = context_.poll(); !status.ok()) return status;
  if (Status status = charge_columns(charge, 1, grid); !status.ok()) return status;
  if (!plan_.is_step_invariant(expr)) return scalar_once(expr, grid, out);
  if (grid.steps <= 1) return scalar_once(expr, grid.first_step(), out);
  if (Status status = count_once([&] { return scalar_once(expr, grid.first_step(), out); }); !status.ok())
    return status;
  broadcast(out, grid.steps);
  return {};
}

Status Evaluator::scalar_once(const Expr& expr, const Grid& grid, Column& out) {
  switch (expr.kind) {
    case ExprKind::kNumber:
      out = Column::constant(grid.steps, as<NumberLiteral>(expr).value);
      return {};
    case ExprKind::kParen:
      return scalar_once(*as<ParenExpr>(expr).expr, grid, out);
    case ExprKind::kUnary: {
      const auto& unary = as<UnaryExpr>(expr);
      Status status = scalar_once(*unary.expr, grid, out);
      if (unary.negate) std::transform(out.v.begin(), out.v.end(), out.v.begin(), std::negate<>());
      return status;
    }
    case ExprKind::kBinary: {
      const auto& binary = as<BinaryExpr>(expr);
      if (!is_arithmetic(binary.op)) {
        return Status::execution(
            fmt::format("operator \"{}\" not allowed for Scalar operations", binary_op_text(binary.op)));
      }
      Column rhs;
      Charge charge(context_);
      if (Status status = scalar_once(*binary.lhs, grid, out); !status.ok()) return status;
      if (Status status = scalar(*binary.rhs, grid, rhs, charge); !status.ok()) return status;
      apply(binary.op, out.v.data(), rhs.v.data(), out.v.data(), grid.steps);
      return {};
    }
    case ExprKind::kCall:
      return scalar_call(as<CallExpr>(expr), grid, out);
    default:
      return Status::internal("expression is not a scalar");
  }
}

Grid Evaluator::subquery_grid(const SubqueryExpr& subquery, const Grid& grid) const {
  const Plan::Times& times = plan_.times(subquery);
  const int64_t end_ms = times.shift.apply(grid.last_ms());
  const int64_t after_ms = TimeShift::earlier(times.shift.apply(grid.start_ms), times.range_ms);
  // The first multiple of the step behind the open end of the first range.
  int64_t start_ms = after_ms / times.step_ms * times.step_ms;
  if (start_ms <= after_ms) start_ms += times.step_ms;
  return grid_between(start_ms, end_ms, times.step_ms);
}

Status Evaluator::negate(const UnaryExpr& unary, const Grid& grid, SeriesSink& sink) {
  if (!unary.negate) return vector(*unary.expr, grid, sink);
  NameDrop names(context_, sink);
  FunctionSink negated([&](Series& series) {
    for (double& v : series.column.v) v = -v;
    HistogramColumn& histograms = series.column.histograms;
    histograms.present.for_each([&](size_t i) {
      auto negative = std::make_shared<NativeHistogram>(*histograms.at[i]);
      multiply(*negative, -1);
      histograms.at[i] = std::move(negative);
    });
    if (Status status = names.apply(series); !status.ok()) return status;
    return sink.consume(series);
  });
  return vector(*unary.expr, grid, negated);
}

Status Evaluator::binary(const BinaryExpr& binary, const Grid& grid, SeriesSink& sink) {
  if (!binary.matching) return binary_with_scalar(binary, grid, sink);
  Matrix left(context_);
  Matrix right(context_);
  if (Status status = vector(*binary.lhs, grid, left); !status.ok()) return status;
  if (Status status = vector(*binary.rhs, grid, right); !status.ok()) return status;
  if (is_set_op(binary.op)) return match_sets(context_, binary.op, *binary.matching, left, right, sink);
  return match_arithmetic(context_, {binary.op, binary.return_bool, binary.span.start}, *binary.matching, left, right,
                          sink);
}

Status Evaluator::binary_with_scalar(const BinaryExpr& binary, const Grid& grid, SeriesSink& sink) {
  const bool scalar_left = binary.lhs->type == ValueType::kScalar;
  Column number;
  Charge charge(context_);
  if (Status status = scalar(scalar_left ? *binary.lhs : *binary.rhs, grid, number, charge); !status.ok()) {
    return status;
  }
  const bool keeps_name = !changes_metric(binary.op) && !binary.return_bool;
  const bool on_numbers = is_arithmetic(binary.op);
  HistogramBinary on_histograms(context_, binary.op, binary.return_bool, binary.span.start);
  NameDrop names(context_, sink);
  Column out;
  size_t order = 0;
  if (Status status = charge_columns(charge, 1, grid); !status.ok()) return status;
  FunctionSink combined([&](Series& series) {
    const Column& left = scalar_left ? number : series.column;
    const Column& right = scalar_left ? series.column : number;
    out.reset(grid.steps);
    if (on_numbers) {
      out.present = series.column.present;
      combine(binary.op, binary.return_bool, left, right, series.column, out);
    }
    if (!on_numbers || !series.column.histograms.empty()) {
      Status status = combine_histograms(on_histograms, series.column, order++, number, scalar_left, !on_numbers, out);
      if (!status.ok()) return status;
    }
    std::swap(series.column, out);
    if (!series.column.any()) return Status();
    if (!keeps_name) {
      if (Status status = names.apply(series); !status.ok()) return status;
    }
    return sink.consume(series);
  });
  Status status = vector(scalar_left ? *binary.rhs : *binary.lhs, grid, combined);
  on_histograms.tell();
  return status;
}

Status Evaluator::aggregate(const AggregateExpr& aggregate, const Grid& grid, SeriesSink& sink) {
  Grouping grouping = Grouping::make(aggregate.without, aggregate.grouping);
  Column parameter;
  Charge charge(context_);
  std::unique_ptr<Aggregation> aggregation;
  const TextOffset input_at = unwrap_parens(*aggregate.expr).span.start;
  switch (aggregate.op) {
    case AggregateOp::kTopK:
    case AggregateOp::kBottomK:
    case AggregateOp::kLimitK:
    case AggregateOp::kLimitRatio:
      return rank(aggregate, grid, sink);
    case AggregateOp::kQuantile:
      if (Status status = scalar(*aggregate.parameter, grid, parameter, charge); !status.ok()) return status;
      check_aggregation_parameter(context_, aggregate.op, parameter, unwrap_parens(*aggregate.parameter).span.start);
      aggregation = make_quantile_aggregation(context_, parameter, std::move(grouping), input_at);
      break;
    case AggregateOp::kCountValues: {
      const std::string& label = as<StringLiteral>(unwrap_parens(*aggregate.parameter)).value;
      if (label.empty() || !is_valid_utf8(label)) return Status::execution("invalid label name " + quoted(label));
      if (!aggregate.without) {
        std::vector<std::string> names = aggregate.grouping;
        names.push_back(label);
        grouping = Grouping::make(false, std::move(names));
      }
      aggregation = make_count_values(context_, label, std::move(grouping), grid.steps);
      break;
    }
    default:
      aggregation = make_fold_aggregation(context_, aggregate.op, std::move(grouping), grid.steps, input_at);
  }
  if (Status status = vector(*aggregate.expr, grid, *aggregation); !status.ok()) return status;
  return aggregation->finish(sink);
}

Status Evaluator::rank(const AggregateExpr& aggregate, const Grid& grid, SeriesSink& sink) {
  Column parameter;
  Charge charge(context_);
  if (Status status = scalar(*aggregate.parameter, grid, parameter, charge); !status.ok()) return status;
  check_aggregation_parameter(context_, aggregate.op, parameter, unwrap_parens(*aggregate.parameter).span.start);
  const bool takes_best = aggregate.op == AggregateOp::kTopK || aggregate.op == AggregateOp::kBottomK;
  if (takes_best && grid.steps == 1 && gives_whole_series(*aggregate.expr)) {
    BestOfInstant best(context_, {aggregate.op, aggregate.span.start},
                       Grouping::make(aggregate.without, aggregate.grouping), parameter.v[0]);
    if (Status status = vector(*aggregate.expr, grid, best); !status.ok()) return status;
    return best.finish(sink);
  }
  Matrix input(context_);
  if (Status status = vector(*aggregate.expr, grid, input); !status.ok()) return status;
  return rank_series(context_, {aggregate.op, aggregate.span.start},
                     Grouping::make(aggregate.without, aggregate.grouping), parameter, input, sink);
}

}  // namespace tidemark::promql
