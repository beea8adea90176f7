// The typed tree of a PromQL expression, as parser.h makes it.
//
// A tree is immutable once the parser has handed it out and may be read by any number of threads. Every node says where
// it stood in the text. Times are milliseconds. Names and meanings are those of Prometheus' documentation; "vector" is
// the instant vector, "matrix" the range vector.
//
// To walk it: switch over `kind`, then as<T>(expr), or any_operand() where kinds do not matter. No node is null unless
// its comment says so. A tree is never deeper than kTreeDepthMax, so recursion over it is safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/matcher.h"

namespace tidemark::promql {

struct Function;

// 1 MB of stack holds a walk of this depth with a kilobyte a frame. Long chains (a or b or c ...) are as deep as long.
inline constexpr uint32_t kTreeDepthMax = 1000;

// Bytes [start, end) of the expression's text.
struct Span {
  uint32_t start = 0;
  uint32_t end = 0;
  bool operator==(const Span&) const = default;
};

enum class ValueType { kScalar, kVector, kMatrix, kString };

std::string_view value_type_name(ValueType type);       // "scalar" "vector" "matrix" "string"
std::string_view documented_type_name(ValueType type);  // "scalar" "instant vector" "range vector" "string"

enum class BinaryOp {
  kAdd,
  kSub,
  kMul,
  kDiv,
  kMod,
  kPow,
  kAtan2,  // Arithmetic.
  kEqual,
  kNotEqual,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,  // Comparison.
  kTrimUpper,
  kTrimLower,  // "</" and ">/": cut a native histogram.
  kAnd,
  kOr,
  kUnless,  // Sets.
};

std::string_view binary_op_text(BinaryOp op);
constexpr bool is_comparison(BinaryOp op) { return op >= BinaryOp::kEqual && op <= BinaryOp::kGreaterOrEqual; }
constexpr bool is_trim(BinaryOp op) { return op == BinaryOp::kTrimUpper || op == BinaryOp::kTrimLower; }
constexpr bool is_set_op(BinaryOp op) { return op >= BinaryOp::kAnd; }

enum class AggregateOp {
  kAvg,
  kBottomK,
  kCount,
  kCountValues,
  kGroup,
  kLimitK,
  kLimitRatio,
  kMax,
  kMin,
  kQuantile,
  kStddev,
  kStdvar,
  kSum,
  kTopK,
};

std::string_view aggregate_op_name(AggregateOp op);
bool has_parameter(AggregateOp op);  // topk, quantile, count_values, ...

enum class ExprKind {
  kNumber,
  kString,
  kVectorSelector,
  kMatrixSelector,
  kSubquery,
  kParen,
  kUnary,
  kBinary,
  kAggregate,
  kCall
};

struct Expr {
  explicit Expr(ExprKind k) : kind(k) {}
  virtual ~Expr() = default;
  Expr(const Expr&) = delete;
  Expr& operator=(const Expr&) = delete;

  const ExprKind kind;
  ValueType type = ValueType::kVector;  // What it evaluates to.
  uint32_t depth = 1;                   // Of the subtree: 1 for a leaf.
  Span span;
};
using ExprPtr = std::unique_ptr<Expr>;

// REQUIRES: expr.kind == T::kKind.
template <class T>
const T& as(const Expr& expr) {
  return static_cast<const T&>(expr);
}
// Null when it is of another kind.
template <class T>
const T* try_as(const Expr& expr) {
  return expr.kind == T::kKind ? static_cast<const T*>(&expr) : nullptr;
}
// The expression inside any number of parentheses.
const Expr& unwrap_parens(const Expr& expr);

// A duration whose value depends on the query, as in [step() * 2]. Evaluated by duration_expr.h.
struct DurationExpr {
  enum class Op { kLiteral, kStep, kRange, kMinOf, kMaxOf, kNegate, kAdd, kSub, kMul, kDiv, kMod, kPow };

  Op op = Op::kLiteral;
  double seconds = 0;                 // kLiteral only.
  bool is_duration_literal = false;   // Written 5m, not 300: for printing.
  bool in_parens = false;             // For printing.
  std::unique_ptr<DurationExpr> lhs;  // Null for literals, step(), range().
  std::unique_ptr<DurationExpr> rhs;  // Null also for the unary operators.
  uint32_t depth = 1;
  Span span;
};
using DurationExprPtr = std::unique_ptr<DurationExpr>;

// A range, a resolution or an offset: the milliseconds are valid when `expr` is null.
struct DurationValue {
  int64_t ms = 0;
  DurationExprPtr expr;

  bool is_set() const { return ms != 0 || expr != nullptr; }
};

// offset and @, of a vector selector (its own or its range's) or a subquery.
struct TimeModifiers {
  enum class AtEdge { kNone, kStart, kEnd };

  DurationValue offset;            // Positive looks back.
  std::optional<int64_t> at_ms;    // @ 1609746000
  AtEdge at_edge = AtEdge::kNone;  // @ start(), @ end(): of the query. Never together with at_ms.

  bool has_at() const { return at_ms.has_value() || at_edge != AtEdge::kNone; }
};

struct NumberLiteral : Expr {
  static constexpr ExprKind kKind = ExprKind::kNumber;
  NumberLiteral() : Expr(kKind) { type = ValueType::kScalar; }

  double value = 0;          // Seconds for a duration literal.
  bool is_duration = false;  // Written as 5m: for printing.
};

struct StringLiteral : Expr {
  static constexpr ExprKind kKind = ExprKind::kString;
  StringLiteral() : Expr(kKind) { type = ValueType::kString; }

  std::string value;  // Unquoted. May hold any bytes.
};

struct VectorSelector : Expr {
  static constexpr ExprKind kKind = ExprKind::kVectorSelector;
  VectorSelector() : Expr(kKind) {}

  enum class Extension { kNone, kAnchored, kSmoothed };

  std::string name;               // Written before the braces; "" when there was none.
  std::vector<Matcher> matchers;  // All conditions, the one for `name` included (it is the last).
  TimeModifiers time;
  Extension extension = Extension::kNone;
  bool is_info_data_selector = false;  // Second argument of info(): may match everything.
};

struct MatrixSelector : Expr {
  static constexpr ExprKind kKind = ExprKind::kMatrixSelector;
  MatrixSelector() : Expr(kKind) { type = ValueType::kMatrix; }

  std::unique_ptr<VectorSelector> vector;  // Carries offset, @, anchored and smoothed, though written after the range.
  DurationValue range;
};

struct SubqueryExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kSubquery;
  SubqueryExpr() : Expr(kKind) { type = ValueType::kMatrix; }

  ExprPtr expr;  // A vector.
  DurationValue range;
  DurationValue step;  // Not set: the default evaluation interval.
  TimeModifiers time;
};

struct ParenExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kParen;
  ParenExpr() : Expr(kKind) {}

  ExprPtr expr;
};

// A sign before anything but a number (there it is part of the literal).
struct UnaryExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kUnary;
  UnaryExpr() : Expr(kKind) {}

  bool negate = false;
  ExprPtr expr;  // A scalar or a vector.
};

enum class MatchCardinality { kOneToOne, kManyToOne, kOneToMany, kManyToMany };

// How the two sides of a binary operation between vectors find each other.
struct VectorMatching {
  MatchCardinality cardinality = MatchCardinality::kOneToOne;  // kManyToMany for the set operators, and only for them.
  bool on = false;                   // `labels` are those that must agree; else those left out.
  std::vector<std::string> labels;   // As written.
  std::vector<std::string> include;  // Of group_left(...) and group_right(...).
  std::optional<double> fill_left;   // Stand-in for a missing left (right) sample.
  std::optional<double> fill_right;
};

struct BinaryExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kBinary;
  BinaryExpr() : Expr(kKind) {}

  BinaryOp op = BinaryOp::kAdd;
  ExprPtr lhs;  // Scalars or vectors, each.
  ExprPtr rhs;
  bool return_bool = false;                // "bool" was there.
  std::optional<VectorMatching> matching;  // Exactly when both sides are vectors.
};

struct AggregateExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kAggregate;
  AggregateExpr() : Expr(kKind) {}

  AggregateOp op = AggregateOp::kSum;
  ExprPtr expr;       // A vector.
  ExprPtr parameter;  // Null unless has_parameter(op): a scalar, a string for count_values.
  bool without = false;
  std::vector<std::string> grouping;  // As written; empty without `without` is one group.
};

struct CallExpr : Expr {
  static constexpr ExprKind kKind = ExprKind::kCall;
  CallExpr() : Expr(kKind) {}

  const Function* function = nullptr;  // An entry of functions.h' table. Never null.
  std::vector<ExprPtr> args;           // Number and types fit the function's.
};

// Asks of each expression directly below, in the text's order, until one is it; an aggregation's parameter comes last.
bool any_operand(const Expr& expr, const std::function<bool(const Expr&)>& is_it);

// Whether it asks for any series at all.
bool has_selector(const Expr& expr);

}  // namespace tidemark::promql
