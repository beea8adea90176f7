// Plan: what is decided about an expression before any of it is evaluated: that every part of it can be, the times that
// @ start(), duration expressions and defaults stand for, and which parts are the same at every step.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "aggregator/promql/ast.h"
#include "aggregator/promql/select.h"
#include "model/status.h"

namespace tidemark::promql {

// The query's own times.
struct QueryTimes {
  int64_t start_ms = 0;
  int64_t end_ms = 0;
  int64_t step_ms = 0;                // 0 for an instant query.
  int64_t subquery_step_ms = 60'000;  // Of subqueries that name none.
};

class Plan {
 public:
  // Errors are kInvalid and name the function or operator that this engine does not evaluate, or the bad duration.
  // `expr` must outlive the plan.
  static Result<Plan> make(const Expr& expr, const QueryTimes& times);

  const Expr& expr() const { return *expr_; }
  const QueryTimes& query() const { return query_; }

  // How much of their histograms a selector's expression asks for.
  HistogramDetail detail(const VectorSelector& node) const { return details_.at(&node); }

  struct Times {
    TimeShift shift;
    int64_t range_ms = 0;
    int64_t step_ms = 0;
  };
  // REQUIRES for all: a node of expr().
  const Times& times(const Expr& node) const { return times_.at(&node); }  // Of selectors and subqueries.
  // Evaluated once, its value holds at every step. Literals, which cost nothing anyway, do not count.
  bool is_step_invariant(const Expr& node) const { return invariant_.at(&node); }

 private:
  class Maker;

  const Expr* expr_ = nullptr;
  QueryTimes query_;
  std::unordered_map<const Expr*, Times> times_;
  std::unordered_map<const Expr*, bool> invariant_;
  std::unordered_map<const Expr*, HistogramDetail> details_;
};

}  // namespace tidemark::promql
