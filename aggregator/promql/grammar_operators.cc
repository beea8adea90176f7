#include <fmt/format.h>

#include <algorithm>

#include "aggregator/promql/grammar.h"
#include "aggregator/promql/quote.h"
#include "model/utf8.h"

namespace tidemark::promql {
namespace {

constexpr int kSignPrecedence = 5;  // Of * and /: a sign leaves only ^ to its operand.
constexpr int kPowPrecedence = 6;

int precedence(BinaryOp op) {
  switch (op) {
    case BinaryOp::kOr:
      return 1;
    case BinaryOp::kAnd:
    case BinaryOp::kUnless:
      return 2;
    case BinaryOp::kEqual:
    case BinaryOp::kNotEqual:
    case BinaryOp::kLess:
    case BinaryOp::kLessOrEqual:
    case BinaryOp::kGreater:
    case BinaryOp::kGreaterOrEqual:
    case BinaryOp::kTrimUpper:
    case BinaryOp::kTrimLower:
      return 3;
    case BinaryOp::kAdd:
    case BinaryOp::kSub:
      return 4;
    case BinaryOp::kMul:
    case BinaryOp::kDiv:
    case BinaryOp::kMod:
    case BinaryOp::kAtan2:
      return kSignPrecedence;
    case BinaryOp::kPow:
      return kPowPrecedence;
  }
  return 0;
}

}  // namespace

ExprPtr Grammar::parse_expression(int precedence_min) {
  const Nested nested(*this);
  if (nested.too_deep()) return nullptr;
  ExprPtr lhs = parse_signed();
  return ok() ? parse_binary_tail(std::move(lhs), precedence_min) : nullptr;
}

ExprPtr Grammar::parse_binary_tail(ExprPtr lhs, int precedence_min) {
  for (;;) {
    const auto op = binary_op_of(peek().kind);
    if (!op || precedence(*op) < precedence_min) return lhs;
    take();
    auto binary = std::make_unique<BinaryExpr>();
    VectorMatching matching;
    if (!ok() || !parse_binary_modifiers(*binary, matching)) return nullptr;
    ExprPtr rhs = parse_expression(*op == BinaryOp::kPow ? kPowPrecedence : precedence(*op) + 1);
    if (!ok()) return nullptr;
    if ((matching.fill_left || matching.fill_right) && !options_.binop_fill_modifiers)
      return error(lhs->span.start, "binop fill modifiers are experimental and not enabled");
    binary->op = *op;
    binary->span = {lhs->span.start, rhs->span.end};
    if (lhs->type == ValueType::kScalar && rhs->type == ValueType::kScalar) binary->type = ValueType::kScalar;
    binary->matching = std::move(matching);
    const uint32_t depth = std::max(lhs->depth, rhs->depth);
    binary->lhs = std::move(lhs);
    binary->rhs = std::move(rhs);
    if (!set_depth(*binary, depth)) return nullptr;
    lhs = std::move(binary);
  }
}

ExprPtr Grammar::parse_signed() {
  if (!peek_is(TokenKind::kAdd) && !peek_is(TokenKind::kSub)) {
    ExprPtr operand = parse_operand();
    return ok() ? parse_modifiers(std::move(operand)) : nullptr;
  }
  const Token sign = take();
  if (!ok()) return nullptr;
  const bool negate = sign.kind == TokenKind::kSub;
  ExprPtr operand = parse_expression(kSignPrecedence + 1);
  if (!ok()) return nullptr;
  if (operand->kind == ExprKind::kNumber) {
    auto& number = static_cast<NumberLiteral&>(*operand);
    if (negate) number.value = -number.value;
    number.span.start = sign.start;
    return operand;
  }
  auto unary = std::make_unique<UnaryExpr>();
  unary->negate = negate;
  unary->type = operand->type;
  unary->span = {sign.start, operand->span.end};
  if (!set_depth(*unary, operand->depth)) return nullptr;
  unary->expr = std::move(operand);
  return unary;
}

// [bool] [on|ignoring (...) [group_left|group_right [(...)]]] [fill...]
bool Grammar::parse_binary_modifiers(BinaryExpr& binary, VectorMatching& matching) {
  if (peek_is(TokenKind::kBool)) {
    take();
    binary.return_bool = true;
  }
  if (peek_is(TokenKind::kOn) || peek_is(TokenKind::kIgnoring)) {
    matching.on = take().kind == TokenKind::kOn;
    if (!ok() || !parse_label_names(matching.labels)) return false;
    if (peek_is(TokenKind::kGroupLeft) || peek_is(TokenKind::kGroupRight)) {
      matching.cardinality =
          take().kind == TokenKind::kGroupLeft ? MatchCardinality::kManyToOne : MatchCardinality::kOneToMany;
      if (ok() && peek_is(TokenKind::kLeftParen) && !parse_label_names(matching.include)) return false;
    }
  }
  return ok() && parse_fill(matching);
}

bool Grammar::parse_fill(VectorMatching& matching) {
  if (peek_is(TokenKind::kFill)) {
    take();
    matching.fill_left = matching.fill_right = parse_fill_value();
    return ok();
  }
  // Either, or both in either order.
  while ((peek_is(TokenKind::kFillLeft) && !matching.fill_left) ||
         (peek_is(TokenKind::kFillRight) && !matching.fill_right)) {
    auto& side = take().kind == TokenKind::kFillLeft ? matching.fill_left : matching.fill_right;
    side = parse_fill_value();
    if (!ok()) return false;
  }
  return ok();
}

std::optional<double> Grammar::parse_fill_value() {
  if (!ok() || !expect(TokenKind::kLeftParen)) return std::nullopt;
  bool negate = false;
  if (peek_is(TokenKind::kAdd) || peek_is(TokenKind::kSub)) negate = take().kind == TokenKind::kSub;
  if (!ok()) return std::nullopt;
  if (!peek_is(TokenKind::kNumber) && !peek_is(TokenKind::kDuration)) {
    unexpected();
    return std::nullopt;
  }
  const auto number = parse_number();
  if (!ok() || !expect(TokenKind::kRightParen)) return std::nullopt;
  return negate ? -number->value : number->value;
}

bool Grammar::parse_label_names(std::vector<std::string>& names) {
  static constexpr Context kWantsParen{"grouping opts", "\"(\""};
  static constexpr Context kWantsSeparator{"grouping opts", "\",\" or \")\""};
  if (!peek_is(TokenKind::kLeftParen)) {
    unexpected(kWantsParen);
    return false;
  }
  take();
  while (ok() && !peek_is(TokenKind::kRightParen)) {
    if (!parse_label_name(names)) return false;
    if (peek_is(TokenKind::kRightParen)) break;
    if (!peek_is(TokenKind::kComma)) {
      unexpected(kWantsSeparator);
      return false;
    }
    take();
  }
  if (ok()) take();
  return ok();
}

bool Grammar::parse_label_name(std::vector<std::string>& names) {
  static constexpr Context kWantsLabel{"grouping opts", "label"};
  if (peek_is(TokenKind::kString)) {
    const Token token = take();
    std::string name = unquote(token.text);
    if (name.empty() || !is_valid_utf8(name))
      error(token.start, fmt::format("invalid label name for grouping: {}", quoted(name)));
    names.push_back(std::move(name));
  } else if (is_label_name_token(peek().kind)) {
    names.emplace_back(take().text);
  } else {
    unexpected(kWantsLabel);
  }
  return ok();
}

}  // namespace tidemark::promql
