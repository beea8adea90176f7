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

// Recursion is bounded by kTreeDepthMax.
bool has_selector(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kNumber:
    case ExprKind::kString:
      return false;
    case ExprKind::kVectorSelector:
    case ExprKind::kMatrixSelector:
      return true;
    case ExprKind::kSubquery:
      return has_selector(*as<SubqueryExpr>(expr).expr);
    case ExprKind::kParen:
      return has_selector(*as<ParenExpr>(expr).expr);
    case ExprKind::kUnary:
      return has_selector(*as<UnaryExpr>(expr).expr);
    case ExprKind::kBinary:
      return has_selector(*as<BinaryExpr>(expr).lhs) || has_selector(*as<BinaryExpr>(expr).rhs);
    case ExprKind::kAggregate: {
      const auto& aggregate = as<AggregateExpr>(expr);
      return has_selector(*aggregate.expr) || (aggregate.parameter != nullptr && has_selector(*aggregate.parameter));
    }
    case ExprKind::kCall: {
      const auto& args = as<CallExpr>(expr).args;
      return std::any_of(args.begin(), args.end(), [](const ExprPtr& arg) { return has_selector(*arg); });
    }
  }
  return false;
}

}  // namespace tidemark::promql
