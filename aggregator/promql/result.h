// The last step of a query: from the evaluator's series to a QueryResult.
#pragma once

#include "aggregator/promql/context.h"
#include "aggregator/promql/engine.h"
#include "aggregator/promql/plan.h"
#include "model/status.h"

namespace tidemark::promql {

// The value at one time, of any type: a range's raw samples among them.
Result<QueryResult> instant_result(QueryContext& context, const Plan& plan, int64_t t_ms);

// A matrix. REQUIRES: the expression is a vector or a scalar.
Result<QueryResult> range_result(QueryContext& context, const Plan& plan, const Grid& grid);

}  // namespace tidemark::promql
