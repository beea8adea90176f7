// Parser: PromQL text to a typed and type-checked tree.
//
// The language is that of Prometheus 3.14, its messages included. Operators by rising precedence:
//     or | and unless | == != <= < >= > </ >/ | + - | * / % atan2 and the signs | ^ (to the right)
// and everything written after an operand ([5m], offset, @, anchored, smoothed) binds tighter than any of them.
// So -1 ^ 2 is -(1 ^ 2), and a + b offset 5m shifts b alone.
//
// All functions here are thread-safe and keep nothing.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "aggregator/promql/ast.h"
#include "model/matcher.h"
#include "model/status.h"

namespace tidemark::promql {

// What text from a socket may ask of us.
inline constexpr size_t kQueryBytesMax = 256 << 10;
inline constexpr uint32_t kNestingMax = 256;       // Brackets, signs and calls within each other.
inline constexpr size_t kRegexMatchersMax = 1000;  // In one expression: each may compile to megabytes.

// Parts of the language that Prometheus has behind --enable-feature=.
struct ParserOptions {
  bool experimental_functions = false;    // promql-experimental-functions
  bool extended_range_selectors = false;  // promql-extended-range-selectors: anchored, smoothed
  bool binop_fill_modifiers = false;      // promql-binop-fill-modifiers: fill, fill_left, fill_right
};

// Errors are kInvalid: "1:15: parse error: unexpected ...", with line and column (in bytes) of the first mistake.
Result<std::unique_ptr<const Expr>> parse_expression(std::string_view text, const ParserOptions& options = {});

// A vector selector without modifiers, as in match[]: up{job="node"}. May match everything: the caller decides.
Result<std::vector<Matcher>> parse_selector(std::string_view text);

}  // namespace tidemark::promql
