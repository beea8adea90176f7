#include <algorithm>
#include <cmath>

#include "aggregator/promql/grammar.h"

namespace tidemark::promql {
namespace {

// What 64 bits of nanoseconds hold, in seconds: Prometheus' bound.
constexpr double kSecondsMax = 9223372036.854775807;

struct DurationOp {
  DurationExpr::Op op;
  int precedence;
};

constexpr int kSignPrecedence = 2;
constexpr int kPowPrecedence = 3;

std::optional<DurationOp> duration_op_of(TokenKind kind) {
  switch (kind) {
    case TokenKind::kAdd:
      return DurationOp{DurationExpr::Op::kAdd, 1};
    case TokenKind::kSub:
      return DurationOp{DurationExpr::Op::kSub, 1};
    case TokenKind::kMul:
      return DurationOp{DurationExpr::Op::kMul, kSignPrecedence};
    case TokenKind::kDiv:
      return DurationOp{DurationExpr::Op::kDiv, kSignPrecedence};
    case TokenKind::kMod:
      return DurationOp{DurationExpr::Op::kMod, kSignPrecedence};
    case TokenKind::kPow:
      return DurationOp{DurationExpr::Op::kPow, kPowPrecedence};
    default:
      return std::nullopt;
  }
}

bool is_plain_literal(const DurationExpr& expr) { return expr.op == DurationExpr::Op::kLiteral && !expr.in_parens; }

DurationValue to_value(DurationExprPtr expr) {
  DurationValue value;
  if (is_plain_literal(*expr)) {
    // Whole nanoseconds first, as there: 0.1 + 0.2 seconds must not lose a millisecond.
    value.ms = static_cast<int64_t>(std::round(expr->seconds * 1e9) / 1e6);
  } else {
    value.expr = std::move(expr);
  }
  return value;
}

}  // namespace

std::optional<DurationValue> Grammar::parse_positive_duration() {
  DurationExprPtr expr = parse_duration(0);
  if (!ok()) return std::nullopt;
  if (is_plain_literal(*expr) && !(expr->seconds > 0)) {
    error(expr->span.start, "duration must be greater than 0");
    return std::nullopt;
  }
  return to_value(std::move(expr));
}

// A signed operand, without the arithmetic that may follow it: "x offset 5m + 3" adds 3 to x. Only what begins with an
// unsigned parenthesis goes on, as in Prometheus' grammar.
std::optional<DurationValue> Grammar::parse_offset_duration() {
  if (peek_is(TokenKind::kLeftParen)) {
    DurationExprPtr expr = parse_duration(0);
    if (!ok()) return std::nullopt;
    return to_value(std::move(expr));
  }
  const Token first = peek();
  const bool has_sign = first.kind == TokenKind::kAdd || first.kind == TokenKind::kSub;
  if (has_sign) take();
  DurationExprPtr expr = ok() ? parse_duration_operand() : nullptr;
  if (ok() && has_sign) expr = parse_signed_duration(first.kind == TokenKind::kSub, first.start, std::move(expr));
  if (!ok()) return std::nullopt;
  return to_value(std::move(expr));
}

DurationExprPtr Grammar::parse_duration(int precedence_min) {
  const Nested nested(*this);
  if (nested.too_deep()) return nullptr;
  DurationExprPtr lhs = parse_duration_operand();
  while (ok()) {
    const auto op = duration_op_of(peek().kind);
    if (!op || op->precedence < precedence_min) return lhs;
    const Token token = take();
    DurationExprPtr rhs =
        ok() ? parse_duration(op->op == DurationExpr::Op::kPow ? kPowPrecedence : op->precedence + 1) : nullptr;
    if (!ok()) return nullptr;
    if (is_plain_literal(*rhs) && rhs->seconds == 0) {
      if (op->op == DurationExpr::Op::kDiv) return error(token.start, "division by zero");
      if (op->op == DurationExpr::Op::kMod) return error(token.start, "modulo by zero");
    }
    lhs = make_duration(op->op, std::move(lhs), std::move(rhs));
  }
  return nullptr;
}

DurationExprPtr Grammar::parse_duration_operand() {
  switch (peek().kind) {
    case TokenKind::kNumber:
    case TokenKind::kDuration:
      return parse_duration_literal();
    case TokenKind::kStep:
    case TokenKind::kRange:
    case TokenKind::kMaxOf:
    case TokenKind::kMinOf:
      return parse_duration_call();
    case TokenKind::kAdd:
    case TokenKind::kSub: {
      const Token sign = take();
      DurationExprPtr operand = ok() ? parse_duration(kSignPrecedence + 1) : nullptr;
      if (!ok()) return nullptr;
      return parse_signed_duration(sign.kind == TokenKind::kSub, sign.start, std::move(operand));
    }
    case TokenKind::kLeftParen: {
      const Token open = take();
      DurationExprPtr inner = ok() ? parse_duration(0) : nullptr;
      if (!ok() || !expect(TokenKind::kRightParen)) return nullptr;
      inner->in_parens = true;
      inner->span = {open.start, taken_end_};
      return inner;
    }
    default:
      return unexpected();
  }
}

// The operand behind a sign at `start`.
DurationExprPtr Grammar::parse_signed_duration(bool negate, uint32_t start, DurationExprPtr operand) {
  if (is_plain_literal(*operand)) {
    if (negate) operand->seconds = -operand->seconds;
    operand->span.start = start;
    return operand;
  }
  if (!negate) return operand;
  DurationExprPtr negated = make_duration(DurationExpr::Op::kNegate, std::move(operand), nullptr);
  if (negated != nullptr) negated->span.start = start;
  return negated;
}

DurationExprPtr Grammar::parse_duration_literal() {
  const auto number = parse_number();
  if (!ok()) return nullptr;
  if (!(std::fabs(number->value) <= kSecondsMax)) return error(number->span.start, "duration out of range");
  auto literal = std::make_unique<DurationExpr>();
  literal->seconds = number->value;
  literal->is_duration_literal = number->is_duration;
  literal->span = number->span;
  return literal;
}

// step() range() min_of(a, b) max_of(a, b)
DurationExprPtr Grammar::parse_duration_call() {
  const Token name = take();
  if (!ok() || !expect(TokenKind::kLeftParen)) return nullptr;
  DurationExprPtr call;
  if (name.kind == TokenKind::kStep || name.kind == TokenKind::kRange) {
    call = std::make_unique<DurationExpr>();
    call->op = name.kind == TokenKind::kStep ? DurationExpr::Op::kStep : DurationExpr::Op::kRange;
  } else {
    DurationExprPtr first = parse_duration(0);
    if (!ok() || !expect(TokenKind::kComma)) return nullptr;
    DurationExprPtr second = parse_duration(0);
    if (!ok()) return nullptr;
    call = make_duration(name.kind == TokenKind::kMaxOf ? DurationExpr::Op::kMaxOf : DurationExpr::Op::kMinOf,
                         std::move(first), std::move(second));
  }
  if (!ok() || !expect(TokenKind::kRightParen)) return nullptr;
  call->span = {name.start, taken_end_};
  return call;
}

DurationExprPtr Grammar::make_duration(DurationExpr::Op op, DurationExprPtr lhs, DurationExprPtr rhs) {
  auto expr = std::make_unique<DurationExpr>();
  expr->op = op;
  expr->span = {lhs->span.start, rhs != nullptr ? rhs->span.end : lhs->span.end};
  expr->depth = std::max(lhs->depth, rhs != nullptr ? rhs->depth : 0) + 1;
  if (expr->depth > kTreeDepthMax) return error(expr->span.start, "duration expression is too deep");
  expr->lhs = std::move(lhs);
  expr->rhs = std::move(rhs);
  return expr;
}

}  // namespace tidemark::promql
