// PrettyPrinter: an expression's canonical text on several lines, where one would be longer than 100 characters: each
// part of what is too long on lines of its own, two blanks farther in. Lines and blanks are those of Prometheus'
// formatter.
#pragma once

#include <string>

#include "aggregator/promql/ast.h"
#include "model/status.h"

namespace tidemark::promql {

// Of deeply nested text the blanks alone may be a thousand times as long as the text.
inline constexpr size_t kPrettyBytesMax = size_t{8} << 20;

// kLimit when there would be more than kPrettyBytesMax of it.
Result<std::string> to_pretty_string(const Expr& expr);

}  // namespace tidemark::promql
