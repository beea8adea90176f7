// A tree as text that hides nothing but where it stood: equal dumps are equal trees.
#pragma once

#include <string>

#include "aggregator/promql/ast.h"

namespace tidemark::promql {

std::string dump(const Expr& expr);

}  // namespace tidemark::promql
