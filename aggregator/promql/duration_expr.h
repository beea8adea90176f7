// Evaluates duration expressions, once the query's range and step are known.
#pragma once

#include <cstdint>

#include "aggregator/promql/ast.h"
#include "model/status.h"

namespace tidemark::promql {

struct DurationContext {
  int64_t step_ms = 0;   // step(): 0 for an instant query.
  int64_t range_ms = 0;  // range(): end minus start.
};

enum class DurationUse { kOffset, kRange };  // A range, and a subquery's step, must be positive.

// The value in milliseconds, from the literal or the expression, cut off below them: also what must be positive may
// come out as 0. Errors are kInvalid, with the place in the text.
Result<int64_t> evaluate_duration(const DurationValue& value, const DurationContext& context, DurationUse use);

}  // namespace tidemark::promql
