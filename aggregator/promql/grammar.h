// Grammar: recursive descent over the tokens, one token of lookahead. Private to the parser.
//
// Every parse_* function starts at the first token of what it is named after, leaves the token behind it as peek(), and
// answers null (or false) after the first error, which is kept. Recursion is counted, so hostile text cannot exhaust
// the stack.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/promql/ast.h"
#include "aggregator/promql/lexer.h"
#include "aggregator/promql/parser.h"
#include "model/status.h"

namespace tidemark::promql {

// The failure as every caller sees it: "line:column: parse error: message".
Status parse_error(std::string_view text, uint32_t position, std::string_view message);

class Grammar {
 public:
  Grammar(std::string_view text, const ParserOptions& options);

  ExprPtr parse_whole_expression();
  std::unique_ptr<VectorSelector> parse_whole_selector();
  const Status& status() const { return status_; }

 private:
  // What a message about an unexpected token says it was found in, and what was expected instead: those of the
  // innermost construct that says anything. Set while that construct is parsed.
  struct Context {
    std::string_view in;
    std::string_view expected;
  };
  class InContext;
  class Nested;

  // grammar.cc: tokens and errors.
  const Token& peek() const { return token_; }
  Token take();
  bool peek_is(TokenKind kind) const { return token_.kind == kind; }
  bool expect(TokenKind kind);
  std::nullptr_t unexpected() { return unexpected(context_); }
  std::nullptr_t unexpected(const Context& context);
  std::nullptr_t error(uint32_t position, std::string_view message);
  bool ok() const { return status_.ok(); }
  bool set_depth(Expr& expr, uint32_t children_depth);

  // grammar_operators.cc: operators and what surrounds them.
  ExprPtr parse_expression(int precedence_min);
  ExprPtr parse_signed();
  ExprPtr parse_binary_tail(ExprPtr lhs, int precedence_min);
  bool parse_binary_modifiers(BinaryExpr& binary, VectorMatching& matching);
  bool parse_fill(VectorMatching& matching);
  std::optional<double> parse_fill_value();
  bool parse_label_names(std::vector<std::string>& names);
  bool parse_label_name(std::vector<std::string>& names);

  // grammar_operands.cc: literals, calls, aggregations, selectors.
  ExprPtr parse_operand();
  std::unique_ptr<NumberLiteral> parse_number();
  ExprPtr parse_string();
  ExprPtr parse_paren();
  ExprPtr parse_call(const Token& name);
  ExprPtr parse_aggregate(const Token& name);
  bool parse_grouping(AggregateExpr& aggregate);
  std::optional<std::vector<ExprPtr>> parse_arguments();
  std::unique_ptr<VectorSelector> parse_vector_selector(const Token* name);
  bool parse_matchers(VectorSelector& selector);
  bool parse_matcher(VectorSelector& selector);
  bool add_matcher(VectorSelector& selector, const Token& label, std::string_view label_name, MatchOp op,
                   std::string_view value);

  // grammar_modifiers.cc: what follows an operand.
  ExprPtr parse_modifiers(ExprPtr expr);
  ExprPtr parse_range_or_subquery(ExprPtr expr);
  ExprPtr make_matrix(ExprPtr expr, DurationValue range, uint32_t bracket);
  ExprPtr parse_offset(ExprPtr expr);
  ExprPtr parse_at(ExprPtr expr);
  ExprPtr parse_extension(ExprPtr expr);
  TimeModifiers* time_modifiers(Expr& expr);

  // grammar_durations.cc: durations and their arithmetic.
  std::optional<DurationValue> parse_positive_duration();
  std::optional<DurationValue> parse_offset_duration();
  DurationExprPtr parse_duration(int precedence_min);
  DurationExprPtr parse_duration_operand();
  DurationExprPtr parse_signed_duration(bool negate, uint32_t start, DurationExprPtr operand);
  DurationExprPtr parse_duration_literal();
  DurationExprPtr parse_duration_call();
  DurationExprPtr make_duration(DurationExpr::Op op, DurationExprPtr lhs, DurationExprPtr rhs);

  const std::string_view text_;
  const ParserOptions options_;
  Lexer lexer_;
  Token token_;
  uint32_t taken_end_ = 0;  // End of the last token taken.
  uint32_t nesting_ = 0;
  size_t regex_matchers_ = 0;
  Context context_;
  Status status_;
};

// Sets the context until the end of the scope.
class Grammar::InContext {
 public:
  InContext(Grammar& grammar, const Context& context) : grammar_(grammar), outer_(grammar.context_) {
    grammar.context_ = context;
  }
  ~InContext() { grammar_.context_ = outer_; }
  InContext(const InContext&) = delete;
  InContext& operator=(const InContext&) = delete;

 private:
  Grammar& grammar_;
  const Context outer_;
};

// Counts one level of recursion until the end of the scope.
class Grammar::Nested {
 public:
  explicit Nested(Grammar& grammar) : grammar_(grammar) { ++grammar.nesting_; }
  ~Nested() { --grammar_.nesting_; }
  Nested(const Nested&) = delete;
  Nested& operator=(const Nested&) = delete;

  bool too_deep() const {
    if (grammar_.nesting_ <= kNestingMax) return false;
    grammar_.error(grammar_.token_.start, "expression is nested too deep: at most 256 levels");
    return true;
  }

 private:
  Grammar& grammar_;
};

}  // namespace tidemark::promql
