// Evaluator: walks an expression and pushes the series of its value, each with all steps, into a sink.
//
// Memory is what operators need and no more: a selector, a function or a sum holds one series at a time; what compares
// series with each other (binary operators between vectors, topk, quantile) collects them, and is charged for it.
#pragma once

#include "aggregator/promql/ast.h"
#include "aggregator/promql/context.h"
#include "aggregator/promql/grid.h"
#include "aggregator/promql/plan.h"
#include "aggregator/promql/series.h"
#include "model/status.h"

namespace tidemark::promql {

// Const but for the context; one thread. Recursion is as deep as the tree, which the parser bounds.
class Evaluator {
 public:
  Evaluator(QueryContext& context, const Plan& plan) : context_(context), plan_(plan) {}

  // The value of a vector-typed expression. Series may come in pieces (series.h).
  Status vector(const Expr& expr, const Grid& grid, SeriesSink& sink);
  // The value of a scalar-typed expression: present at every step. `charge` pays for `out` and lives as long.
  Status scalar(const Expr& expr, const Grid& grid, Column& out, Charge& charge);

  // The points of a subquery that any step of `grid` can see.
  Grid subquery_grid(const SubqueryExpr& subquery, const Grid& grid) const;

 private:
  // What is evaluated at one step for all of them counts at each.
  template <class Evaluate>
  Status count_once(Evaluate evaluate);
  Status vector_once(const Expr& expr, const Grid& grid, SeriesSink& sink);
  Status scalar_once(const Expr& expr, const Grid& grid, Column& out);
  Status charge_columns(Charge& charge, size_t columns, const Grid& grid) const;
  Status negate(const UnaryExpr& unary, const Grid& grid, SeriesSink& sink);
  Status binary(const BinaryExpr& binary, const Grid& grid, SeriesSink& sink);
  Status binary_with_scalar(const BinaryExpr& binary, const Grid& grid, SeriesSink& sink);
  Status aggregate(const AggregateExpr& aggregate, const Grid& grid, SeriesSink& sink);
  Status rank(const AggregateExpr& aggregate, const Grid& grid, SeriesSink& sink);

  // call.cc, range_call.cc, series_call.cc, info.cc
  Status call(const CallExpr& call, const Grid& grid, SeriesSink& sink);
  Status scalar_call(const CallExpr& call, const Grid& grid, Column& out);
  Status map_call(const CallExpr& call, const Grid& grid, SeriesSink& sink);
  Status clamp_call(const CallExpr& call, const Grid& grid, SeriesSink& sink);
  Status calendar_call(const CallExpr& call, const Grid& grid, SeriesSink& sink);
  Status timestamp_call(const CallExpr& call, const Grid& grid, SeriesSink& sink);
  Status label_call(const CallExpr& call, const Grid& grid, SeriesSink& sink);
  Status sort_call(const CallExpr& call, const Grid& grid, SeriesSink& sink);
  Status info_call(const CallExpr& call, const Grid& grid, SeriesSink& sink);
  Status absent_call(const CallExpr& call, const Grid& grid, SeriesSink& sink);
  Status range_call(const CallExpr& call, const Grid& grid, SeriesSink& sink);
  // Those at `inner`, of which the call at `grid` makes windows.
  Status subquery_points(const SubqueryExpr& subquery, const Grid& grid, const Grid& inner, SeriesSink& sink);

  // histogram_call.cc
  Status histogram_call(const CallExpr& call, const Grid& grid, SeriesSink& sink);
  Status quantiles_call(const CallExpr& call, const Grid& grid, SeriesSink& sink);
  Status fraction_call(const CallExpr& call, const Grid& grid, SeriesSink& sink);

  QueryContext& context_;
  const Plan& plan_;
};

}  // namespace tidemark::promql
