// Type check: the second pass of the parser. Private to it.
#pragma once

#include <string_view>

#include "aggregator/promql/ast.h"
#include "model/status.h"

namespace tidemark::promql {

// Checks the types of all operands and arguments, children first, and settles the matching of binary operations: there
// is none unless both sides are vectors, and set operators are many-to-many. `text` is what `expr` was parsed from.
Status check_types(std::string_view text, Expr& expr);

}  // namespace tidemark::promql
