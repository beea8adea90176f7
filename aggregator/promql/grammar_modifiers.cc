#include <fmt/format.h>

#include <cmath>

#include "aggregator/promql/grammar.h"

namespace tidemark::promql {
namespace {

// Milliseconds that @ can name: those that 64 bits hold, in seconds as Prometheus bounds them.
bool is_valid_at_seconds(double seconds) { return std::isfinite(seconds) && std::fabs(seconds) < 9.2e15; }

std::string fixed_text(double v) {
  if (std::isnan(v)) return "NaN";
  if (std::isinf(v)) return v > 0 ? "+Inf" : "-Inf";
  return fmt::format("{:f}", v);
}

}  // namespace

ExprPtr Grammar::parse_modifiers(ExprPtr expr) {
  while (ok()) {
    switch (peek().kind) {
      case TokenKind::kLeftBracket:
        expr = parse_range_or_subquery(std::move(expr));
        break;
      case TokenKind::kOffset:
        expr = parse_offset(std::move(expr));
        break;
      case TokenKind::kAt:
        expr = parse_at(std::move(expr));
        break;
      case TokenKind::kAnchored:
      case TokenKind::kSmoothed:
        expr = parse_extension(std::move(expr));
        break;
      default:
        return expr;
    }
  }
  return nullptr;
}

ExprPtr Grammar::parse_range_or_subquery(ExprPtr expr) {
  static constexpr Context kWantsRange{"subquery or range selector", "number, duration, step(), or range()"};
  static constexpr Context kWantsColon{"subquery or range", "\":\" or \"]\""};
  static constexpr Context kWantsStep{"subquery selector", "number, duration, step(), range(), or \"]\""};
  static constexpr Context kWantsBracket{"subquery selector", "\"]\""};
  const uint32_t bracket = take().start;
  std::optional<DurationValue> range;
  {
    const InContext context(*this, kWantsRange);
    if (ok()) range = parse_positive_duration();
  }
  if (!range) return nullptr;
  if (peek_is(TokenKind::kRightBracket)) return make_matrix(std::move(expr), std::move(*range), bracket);
  if (!peek_is(TokenKind::kColon)) return unexpected(kWantsColon);
  take();
  if (!ok()) return nullptr;

  auto subquery = std::make_unique<SubqueryExpr>();
  subquery->range = std::move(*range);
  if (!peek_is(TokenKind::kRightBracket)) {
    const InContext context(*this, kWantsStep);
    auto step = parse_positive_duration();
    if (!step) return nullptr;
    subquery->step = std::move(*step);
  }
  if (!peek_is(TokenKind::kRightBracket)) return unexpected(kWantsBracket);
  take();
  if (!ok()) return nullptr;
  subquery->span = {expr->span.start, taken_end_};
  if (!set_depth(*subquery, expr->depth)) return nullptr;
  subquery->expr = std::move(expr);
  return subquery;
}

// Stands at the closing bracket.
ExprPtr Grammar::make_matrix(ExprPtr expr, DurationValue range, uint32_t bracket) {
  take();
  if (!ok()) return nullptr;
  if (expr->kind != ExprKind::kVectorSelector) return error(bracket, "ranges only allowed for vector selectors");
  auto matrix = std::make_unique<MatrixSelector>();
  matrix->vector.reset(static_cast<VectorSelector*>(expr.release()));
  if (matrix->vector->time.offset.is_set()) return error(bracket, "no offset modifiers allowed before range");
  if (matrix->vector->time.has_at()) return error(bracket, "no @ modifiers allowed before range");
  matrix->range = std::move(range);
  matrix->span = {matrix->vector->span.start, taken_end_};
  matrix->depth = 2;
  return matrix;
}

// Null when the expression cannot be shifted in time.
TimeModifiers* Grammar::time_modifiers(Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kVectorSelector:
      return &static_cast<VectorSelector&>(expr).time;
    case ExprKind::kMatrixSelector:
      return &static_cast<MatrixSelector&>(expr).vector->time;
    case ExprKind::kSubquery:
      return &static_cast<SubqueryExpr&>(expr).time;
    default:
      return nullptr;
  }
}

ExprPtr Grammar::parse_offset(ExprPtr expr) {
  take();
  if (!ok()) return nullptr;
  std::optional<DurationValue> offset;
  {
    const InContext context(*this, {"offset", "number, duration, step(), or range()"});
    offset = parse_offset_duration();
  }
  if (!offset) return nullptr;
  TimeModifiers* time = time_modifiers(*expr);
  if (time == nullptr) {
    return error(expr->span.start,
                 "offset modifier must be preceded by an instant vector selector or range vector selector or a "
                 "subquery");
  }
  if (time->offset.is_set()) return error(expr->span.start, "offset may not be set multiple times");
  time->offset = std::move(*offset);
  expr->span.end = taken_end_;
  return expr;
}

ExprPtr Grammar::parse_at(ExprPtr expr) {
  take();
  if (!ok()) return nullptr;
  const InContext context(*this, {"@", "timestamp"});
  auto edge = TimeModifiers::AtEdge::kNone;
  double seconds = 0;
  if (peek_is(TokenKind::kStart) || peek_is(TokenKind::kEnd)) {
    edge = take().kind == TokenKind::kStart ? TimeModifiers::AtEdge::kStart : TimeModifiers::AtEdge::kEnd;
    if (!ok() || !expect(TokenKind::kLeftParen) || !expect(TokenKind::kRightParen)) return nullptr;
  } else {
    bool negate = false;
    if (peek_is(TokenKind::kAdd) || peek_is(TokenKind::kSub)) negate = take().kind == TokenKind::kSub;
    if (!ok()) return nullptr;
    if (!peek_is(TokenKind::kNumber) && !peek_is(TokenKind::kDuration)) return unexpected();
    const auto number = parse_number();
    if (!ok()) return nullptr;
    seconds = negate ? -number->value : number->value;
    if (!is_valid_at_seconds(seconds)) {
      return error(expr->span.start, fmt::format("timestamp out of bounds for @ modifier: {}", fixed_text(seconds)));
    }
  }
  TimeModifiers* time = time_modifiers(*expr);
  if (time == nullptr) {
    return error(expr->span.start,
                 "@ modifier must be preceded by an instant vector selector or range vector selector or a subquery");
  }
  if (time->has_at()) return error(expr->span.start, "@ <timestamp> may not be set multiple times");
  time->at_edge = edge;
  if (edge == TimeModifiers::AtEdge::kNone) time->at_ms = static_cast<int64_t>(std::round(seconds * 1000));
  expr->span.end = taken_end_;
  return expr;
}

ExprPtr Grammar::parse_extension(ExprPtr expr) {
  const bool anchored = take().kind == TokenKind::kAnchored;
  if (!ok()) return nullptr;
  const std::string_view word = anchored ? "anchored" : "smoothed";
  const auto refuse = [&](std::string_view why) {
    return error(expr->span.start, fmt::format("{} modifier {}", word, why));
  };
  if (!options_.extended_range_selectors) return refuse("is experimental and not enabled");
  VectorSelector* vector = nullptr;
  switch (expr->kind) {
    case ExprKind::kVectorSelector:
      vector = static_cast<VectorSelector*>(expr.get());
      break;
    case ExprKind::kMatrixSelector:
      vector = static_cast<MatrixSelector&>(*expr).vector.get();
      break;
    case ExprKind::kSubquery:
      return refuse("is not supported for subqueries");
    default:
      return refuse("not implemented");
  }
  const auto extension = anchored ? VectorSelector::Extension::kAnchored : VectorSelector::Extension::kSmoothed;
  if (vector->extension != VectorSelector::Extension::kNone && vector->extension != extension)
    return error(expr->span.start, "anchored and smoothed modifiers cannot be used together");
  vector->extension = extension;
  return expr;
}

}  // namespace tidemark::promql
