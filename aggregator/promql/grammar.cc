#include "aggregator/promql/grammar.h"

#include <fmt/format.h>

#include <algorithm>

namespace tidemark::promql {

static_assert(kNestingMax == 256, "the message in grammar.h names it");

Status parse_error(std::string_view text, uint32_t position, std::string_view message) {
  if (text.empty()) return Status::invalid(fmt::format("unknown position: parse error: {}", message));
  const std::string_view before = text.substr(0, position);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const size_t line_break = before.rfind('\n');
  const size_t column = line_break == std::string_view::npos ? position + 1 : position - line_break;
  return Status::invalid(fmt::format("{}:{}: parse error: {}", line, column, message));
}

Grammar::Grammar(std::string_view text, const ParserOptions& options) : text_(text), options_(options), lexer_(text) {
  take();
}

Token Grammar::take() {
  const Token taken = token_;
  taken_end_ = taken.end();
  token_ = lexer_.next();
  if (token_.kind == TokenKind::kError) error(token_.start, token_.text);
  return taken;
}

bool Grammar::expect(TokenKind kind) {
  if (!peek_is(kind)) {
    unexpected();
    return false;
  }
  take();
  return ok();
}

std::nullptr_t Grammar::unexpected(const Context& context) {
  std::string message = "unexpected " + describe(token_);
  if (!context.in.empty()) message.append(" in ").append(context.in);
  if (!context.expected.empty()) message.append(", expected ").append(context.expected);
  return error(token_.start, message);
}

std::nullptr_t Grammar::error(uint32_t position, std::string_view message) {
  if (status_.ok()) status_ = parse_error(text_, position, message);
  return nullptr;
}

bool Grammar::set_depth(Expr& expr, uint32_t children_depth) {
  expr.depth = children_depth + 1;
  if (expr.depth <= kTreeDepthMax) return true;
  error(expr.span.start, fmt::format("expression is too deep: at most {} operators in a chain", kTreeDepthMax));
  return false;
}

ExprPtr Grammar::parse_whole_expression() {
  if (ok() && peek_is(TokenKind::kEof)) return error(0, "no expression found in input");
  ExprPtr expr = parse_expression(0);
  if (!ok()) return nullptr;
  if (!peek_is(TokenKind::kEof)) return unexpected();
  return expr;
}

std::unique_ptr<VectorSelector> Grammar::parse_whole_selector() {
  if (!ok()) return nullptr;
  std::unique_ptr<VectorSelector> selector;
  if (is_metric_name_token(peek().kind)) {
    const Token name = take();
    if (ok()) selector = parse_vector_selector(&name);
  } else if (peek_is(TokenKind::kLeftBrace)) {
    selector = parse_vector_selector(nullptr);
  } else {
    return unexpected();
  }
  if (!ok()) return nullptr;
  if (!peek_is(TokenKind::kEof)) return unexpected();
  return selector;
}

}  // namespace tidemark::promql
