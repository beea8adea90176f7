// Printer: the canonical text of a tree, as Prometheus prints expressions. Parsing it gives the same tree.
#pragma once

#include <string>

#include "aggregator/promql/ast.h"

namespace tidemark::promql {

std::string to_string(const Expr& expr);
std::string to_string(const DurationExpr& expr);

}  // namespace tidemark::promql
