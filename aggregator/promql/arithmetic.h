// What binary operators do to numbers, a column at a time.
#pragma once

#include <cstddef>

#include "aggregator/promql/ast.h"
#include "aggregator/promql/column.h"

namespace tidemark::promql {

// Whether this file computes it: arithmetic and comparison, not the set operators, nor what is for histograms only.
constexpr bool is_arithmetic(BinaryOp op) { return op <= BinaryOp::kGreaterOrEqual; }

// Whether the result is no longer the metric's own value, so that its name goes.
constexpr bool changes_metric(BinaryOp op) { return op <= BinaryOp::kAtan2; }

// out[i] = a[i] op b[i]; a comparison gives 1 or 0. `out` may be `a` or `b`. REQUIRES: is_arithmetic(op).
void apply(BinaryOp op, const double* a, const double* b, double* out, size_t n);

// What an operator answers at the steps present in `out` when it is called: values, and for a comparison without
// `return_bool` only those steps where it holds, with the value of `kept`.
// REQUIRES: a, b, kept and out have the same steps; out is none of them.
void combine(BinaryOp op, bool return_bool, const Column& a, const Column& b, const Column& kept, Column& out);

}  // namespace tidemark::promql
