// The tree of an expression as JSON, as Prometheus' /api/v1/parse_query answers it and its page draws it.
#pragma once

#include <string>

#include "aggregator/promql/ast.h"

namespace tidemark::api {

// Appends one object to `out`, its keys in the order of the alphabet. Not more than some 150 times the expression's
// text, plus 1 KB. Labels' names and values keep what bytes they have.
void append_tree(std::string& out, const promql::Expr& expr);

}  // namespace tidemark::api
