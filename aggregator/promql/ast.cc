#include "aggregator/promql/ast.h"

#include <algorithm>

namespace tidemark::promql {

std::string_view value_type_name(ValueType type) {
  switch (type) {
    case ValueType::kScalar:
      return "scalar";
    case ValueType::kVector:
      return "vector";
    case ValueType::kMatrix:
      return "matrix";
    case ValueType::kString:
      return "string";
  }
  return "";
}

std::string_view documented_type_name(ValueType type) {
  if (type == ValueType::kVector) return "instant vector";
  if (type == ValueType::kMatrix) return "range vector";
  return value_type_name(type);
}

std::string_view binary_op_text(BinaryOp op) {
  switch (op) {
    case BinaryOp::kAdd:
      return "+";
    case BinaryOp::kSub:
      return "-";
    case BinaryOp::kMul:
      return "*";
    case BinaryOp::kDiv:
      return "/";
    case BinaryOp::kMod:
      return "%";
    case BinaryOp::kPow:
      return "^";
    case BinaryOp::kAtan2:
      return "atan2";
    case BinaryOp::kEqual:
      return "==";
    case BinaryOp::kNotEqual:
      return "!=";
    case BinaryOp::kLess:
      return "<";
    case BinaryOp::kLessOrEqual:
      return "<=";
    case BinaryOp::kGreater:
      return ">";
    case BinaryOp::kGreaterOrEqual:
      return ">=";
    case BinaryOp::kTrimUpper:
      return "</";
    case BinaryOp::kTrimLower:
      return ">/";
    case BinaryOp::kAnd:
      return "and";
    case BinaryOp::kOr:
      return "or";
    case BinaryOp::kUnless:
      return "unless";
  }
  return "";
}

std::string_view aggregate_op_name(AggregateOp op) {
  switch (op) {
    case AggregateOp::kAvg:
      return "avg";
    case AggregateOp::kBottomK:
      return "bottomk";
    case AggregateOp::kCount:
      return "count";
    case AggregateOp::kCountValues:
      return "count_values";
    case AggregateOp::kGroup:
      return "group";
    case AggregateOp::kLimitK:
      return "limitk";
    case AggregateOp::kLimitRatio:
      return "limit_ratio";
    case AggregateOp::kMax:
      return "max";
    case AggregateOp::kMin:
      return "min";
    case AggregateOp::kQuantile:
      return "quantile";
    case AggregateOp::kStddev:
      return "stddev";
    case AggregateOp::kStdvar:
      return "stdvar";
    case AggregateOp::kSum:
      return "sum";
    case AggregateOp::kTopK:
      return "topk";
  }
  return "";
}

bool has_parameter(AggregateOp op) {
  switch (op) {
    case AggregateOp::kBottomK:
    case AggregateOp::kCountValues:
    case AggregateOp::kLimitK:
    case AggregateOp::kLimitRatio:
    case AggregateOp::kQuantile:
    case AggregateOp::kTopK:
      return true;
    default:
      return false;
  }
}

const Expr& unwrap_parens(const Expr& expr) {
  const Expr* inner = &expr;
  while (const auto* paren = try_as<ParenExpr>(*inner)) inner = paren->expr.get();
  return *inner;
}

bool any_operand(const Expr& expr, const std::function<bool(const Expr&)>& is_it) {
  switch (expr.kind) {
    case ExprKind::kNumber:
    case ExprKind::kString:
    case ExprKind::kVectorSelector:
      return false;
    case ExprKind::kMatrixSelector:
      return is_it(*as<MatrixSelector>(expr).vector);
    case ExprKind::kSubquery:
      return is_it(*as<SubqueryExpr>(expr).expr);
    case ExprKind::kParen:
      return is_it(*as<ParenExpr>(expr).expr);
    case ExprKind::kUnary:
      return is_it(*as<UnaryExpr>(expr).expr);
    case ExprKind::kBinary:
      return is_it(*as<BinaryExpr>(expr).lhs) || is_it(*as<BinaryExpr>(expr).rhs);
    case ExprKind::kAggregate: {
      const auto& aggregate = as<AggregateExpr>(expr);
      return is_it(*aggregate.expr) || (aggregate.parameter != nullptr && is_it(*aggregate.parameter));
    }
    case ExprKind::kCall: {
      const auto& args = as<CallExpr>(expr).args;
      return std::any_of(args.begin(), args.end(), [&](const ExprPtr& arg) { return is_it(*arg); });
    }
  }
  return false;
}

// Recursion is bounded by kTreeDepthMax.
bool has_selector(const Expr& expr) {
  return expr.kind == ExprKind::kVectorSelector || any_operand(expr, has_selector);
}

}  // namespace tidemark::promql
