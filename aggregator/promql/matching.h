// Vector matching: which series of two vectors belong together, and what binary operators answer for them.
//
// Labels decide once for the whole query which series have the same signature. Which of them meet is then a question
// of each step: two series of one signature are an error only where both have a sample.
#pragma once

#include "aggregator/promql/ast.h"
#include "aggregator/promql/context.h"
#include "aggregator/promql/series.h"
#include "model/status.h"

namespace tidemark::promql {

// Both consume their operands.
Status match_sets(QueryContext& context, BinaryOp op, const VectorMatching& spec, Matrix& left, Matrix& right,
                  SeriesSink& sink);
struct ArithmeticOp {
  BinaryOp op;  // Not a set operator.
  bool return_bool = false;
  TextOffset at;  // Where the operation begins.
};
Status match_arithmetic(QueryContext& context, const ArithmeticOp& op, const VectorMatching& spec, Matrix& left,
                        Matrix& right, SeriesSink& sink);

}  // namespace tidemark::promql
