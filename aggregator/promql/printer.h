// Printer: the canonical text of a tree, as Prometheus prints expressions. Parsing it gives the same tree.
#pragma once

#include <string>

#include "aggregator/promql/ast.h"

namespace tidemark::promql {

std::string to_string(const Expr& expr);
std::string to_string(const DurationExpr& expr);

// Whether this is an infinite number raised to a power, printed as Inf: "+Inf ^ 2" would read as +(Inf ^ 2).
bool has_infinite_base(const BinaryExpr& binary);

// Parts of it.
std::string operator_text(const BinaryExpr& binary);    // + bool on (a) group_left (b)
std::string head_text(const AggregateExpr& aggregate);  // sum by (a)
std::string times_text(const SubqueryExpr& subquery);   // [1h:5m] offset 1d
std::string number_text(double value);

}  // namespace tidemark::promql
