#include "aggregator/promql/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "aggregator/promql/annotations.h"
#include "aggregator/promql/arithmetic.h"
#include "aggregator/promql/call.h"
#include "aggregator/promql/duration_expr.h"
#include "aggregator/promql/functions.h"

namespace tidemark::promql {
namespace {

// Functions whose answer depends on the evaluation time even where their arguments do not.
constexpr std::array<std::string_view, 11> kTimeDependent = {
    "day_of_month", "day_of_week", "day_of_year", "days_in_month", "hour",          "minute",
    "month",        "year",        "time",        "timestamp",     "predict_linear"};

}  // namespace

class Plan::Maker {
 public:
  Maker(Plan& plan, const QueryTimes& times)
      : plan_(plan), query_(times), durations_{times.step_ms, times.end_ms - times.start_ms} {}

  struct Visited {
    bool invariant = false;
    bool by_itself = false;  // Counts as step-invariant part even where what is around it is not.
  };

  // Every node of the tree once, leaves first.
  Visited visit(const Expr& expr) {
    const Visited visited = visit_kind(expr);
    plan_.invariant_[&expr] = visited.invariant && visited.by_itself;
    return visited;
  }

  const Status& status() const { return status_; }

 private:
  Visited visit_kind(const Expr& expr) {
    switch (expr.kind) {
      case ExprKind::kNumber:
      case ExprKind::kString:
        return {true, false};
      case ExprKind::kParen:
        return visit(*as<ParenExpr>(expr).expr);
      case ExprKind::kUnary:
        return visit(*as<UnaryExpr>(expr).expr);
      case ExprKind::kVectorSelector: {
        const bool fixed = visit_selector(as<VectorSelector>(expr));
        return {fixed, fixed};
      }
      case ExprKind::kMatrixSelector: {
        const auto& matrix = as<MatrixSelector>(expr);
        const bool fixed = visit_selector(*matrix.vector);
        Times times = plan_.times_[matrix.vector.get()];
        times.range_ms = duration(matrix.range, DurationUse::kRange);
        plan_.times_[&expr] = times;
        return {fixed, false};
      }
      case ExprKind::kSubquery:
        return visit_subquery(as<SubqueryExpr>(expr));
      case ExprKind::kBinary:
        return visit_binary(as<BinaryExpr>(expr));
      case ExprKind::kAggregate: {
        const auto& aggregate = as<AggregateExpr>(expr);
        // The parameter has no say, as in Prometheus: topk(scalar(x), y @ 0) takes k from the first step.
        if (aggregate.parameter != nullptr) visit(*aggregate.parameter);
        return visit(*aggregate.expr);
      }
      case ExprKind::kCall:
        return visit_call(as<CallExpr>(expr));
    }
    return {};
  }

  bool visit_selector(const VectorSelector& selector) {
    plan_.times_[&selector] = {shift(selector.time), 0, 0};
    plan_.details_[&selector] = of_totals_ > 0 && of_buckets_ == 0 ? HistogramDetail::kTotals : HistogramDetail::kAll;
    return selector.time.has_at();
  }

  Visited visit_subquery(const SubqueryExpr& subquery) {
    Times times;
    times.shift = shift(subquery.time);
    times.range_ms = duration(subquery.range, DurationUse::kRange);
    if (subquery.step.is_set()) times.step_ms = duration(subquery.step, DurationUse::kRange);
    // Also for what came out below a millisecond, as in Prometheus: it can not say that the step is 0.
    if (times.step_ms == 0) times.step_ms = query_.subquery_step_ms;
    plan_.times_[&subquery] = times;
    ++of_buckets_;  // Its points are compared with each other for resets, and they are not the samples there are.
    visit(*subquery.expr);
    --of_buckets_;
    return {subquery.time.has_at(), false};
  }

  Visited visit_binary(const BinaryExpr& binary) {
    of_buckets_ += is_trim(binary.op) ? 1 : 0;
    const bool lhs = visit(*binary.lhs).invariant;
    const bool rhs = visit(*binary.rhs).invariant;
    of_buckets_ -= is_trim(binary.op) ? 1 : 0;
    return {lhs && rhs, true};
  }

  Visited visit_call(const CallExpr& call) {
    const std::string_view name = call.function->name;
    if (!is_supported_function(name)) refuse(call, fmt::format("function \"{}\" is", name));
    // What these say of the query is a literal's equal.
    if (call.type == ValueType::kScalar && call.args.empty() && name != "time" && name != "pi") return {true, false};
    bool invariant = std::find(kTimeDependent.begin(), kTimeDependent.end(), name) == kTimeDependent.end();
    // Of a selector the samples' own times are asked, and they do not move.
    if (name == "timestamp" && unwrap_parens(*call.args[0]).kind == ExprKind::kVectorSelector) invariant = true;
    const bool of_totals = name == "histogram_count" || name == "histogram_sum" || name == "histogram_avg";
    const bool of_buckets = name.starts_with("histogram_quantile") || name == "histogram_fraction";
    of_totals_ += of_totals ? 1 : 0;
    of_buckets_ += of_buckets ? 1 : 0;
    for (const ExprPtr& arg : call.args) invariant &= visit(*arg).invariant;
    of_totals_ -= of_totals ? 1 : 0;
    of_buckets_ -= of_buckets ? 1 : 0;
    return {invariant, true};
  }

  TimeShift shift(const TimeModifiers& time) {
    TimeShift shift;
    shift.offset_ms = duration(time.offset, DurationUse::kOffset);
    shift.at_ms = time.at_ms;
    if (time.at_edge == TimeModifiers::AtEdge::kStart) shift.at_ms = query_.start_ms;
    if (time.at_edge == TimeModifiers::AtEdge::kEnd) shift.at_ms = query_.end_ms;
    return shift;
  }

  int64_t duration(const DurationValue& value, DurationUse use) {
    const Result<int64_t> ms = evaluate_duration(value, durations_, use);
    if (ms) return *ms;
    fail_once(ms.error());
    return 1;
  }

  void refuse(const Expr& expr, std::string_view what) {
    fail_once(Status::invalid(fmt::format("{} not supported yet (at byte {})", what, expr.span.start)));
  }
  void fail_once(Status status) {
    if (status_.ok()) status_ = std::move(status);
  }

  Plan& plan_;
  const QueryTimes query_;
  const DurationContext durations_;
  // How many nodes above the one at hand want no more of histograms than their sums and counts, and how many all.
  int of_totals_ = 0;
  int of_buckets_ = 0;
  Status status_;
};

Result<Plan> Plan::make(const Expr& expr, const QueryTimes& times) {
  Plan plan;
  plan.expr_ = &expr;
  plan.query_ = times;
  Maker maker(plan, times);
  maker.visit(expr);
  if (!maker.status().ok()) return fail(maker.status());
  return plan;
}

}  // namespace tidemark::promql
