#include "aggregator/promql/duration_expr.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "aggregator/promql/math_functions.h"

namespace tidemark::promql {
namespace {

constexpr double kSecondsMax = 9223372036.854775807;  // 64 bits of nanoseconds.

Status error(const DurationExpr& expr, std::string_view message) {
  return Status::invalid(fmt::format("{}:{}: {}", expr.span.start, expr.span.end, message));
}

// Recursion is bounded by kTreeDepthMax.
Result<double> evaluate(const DurationExpr& expr, const DurationContext& context) {
  double lhs = 0;
  double rhs = 0;
  if (expr.lhs != nullptr) {
    auto value = evaluate(*expr.lhs, context);
    if (!value) return value;
    lhs = *value;
  }
  if (expr.rhs != nullptr) {
    auto value = evaluate(*expr.rhs, context);
    if (!value) return value;
    rhs = *value;
  }
  switch (expr.op) {
    case DurationExpr::Op::kLiteral:
      return expr.seconds;
    case DurationExpr::Op::kStep:
      return static_cast<double>(context.step_ms) / 1000;
    case DurationExpr::Op::kRange:
      return static_cast<double>(context.range_ms) / 1000;
    case DurationExpr::Op::kMinOf:
      return min_of(lhs, rhs);
    case DurationExpr::Op::kMaxOf:
      return max_of(lhs, rhs);
    case DurationExpr::Op::kNegate:
      return -lhs;
    case DurationExpr::Op::kAdd:
      return lhs + rhs;
    case DurationExpr::Op::kSub:
      return lhs - rhs;
    case DurationExpr::Op::kMul:
      return lhs * rhs;
    case DurationExpr::Op::kDiv:
      if (rhs == 0) return fail(error(expr, "division by zero"));
      return lhs / rhs;
    case DurationExpr::Op::kMod:
      if (rhs == 0) return fail(error(expr, "modulo by zero"));
      return std::fmod(lhs, rhs);
    case DurationExpr::Op::kPow:
      return std::pow(lhs, rhs);
  }
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

Result<int64_t> evaluate_duration(const DurationValue& value, const DurationContext& context, DurationUse use) {
  if (value.expr == nullptr) return value.ms;
  const auto seconds = evaluate(*value.expr, context);
  if (!seconds) return fail(seconds.error());
  if (!std::isfinite(*seconds)) return fail(error(*value.expr, "duration is NaN or infinite"));
  if (*seconds <= 0 && use == DurationUse::kRange) return fail(error(*value.expr, "duration must be greater than 0"));
  if (std::fabs(*seconds) > kSecondsMax) return fail(error(*value.expr, "duration is out of range"));
  return static_cast<int64_t>(*seconds * 1000);
}

}  // namespace tidemark::promql
