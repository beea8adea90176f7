// Tokens of PromQL, as the lexer cuts them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "aggregator/promql/ast.h"

namespace tidemark::promql {

// Kept in groups: the predicates below compare with their first and last.
enum class TokenKind : uint8_t {
  kEof,
  kError,  // `text` is the message.
  kIdentifier,
  kMetricIdentifier,  // Holds a colon.
  kNumber,
  kDuration,
  kString,  // With its quotes.

  kLeftParen,
  kRightParen,
  kLeftBrace,
  kRightBrace,
  kLeftBracket,
  kRightBracket,
  kComma,
  kColon,
  kAssign,  // "="

  // Operators.
  kAdd,
  kSub,
  kMul,
  kDiv,
  kMod,
  kPow,
  kEqual,
  kNotEqual,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kTrimUpper,
  kTrimLower,
  kRegexMatch,
  kRegexNotMatch,
  kAt,
  kAnd,
  kOr,
  kUnless,
  kAtan2,

  // Aggregators.
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

  // Keywords.
  kAnchored,
  kBool,
  kBy,
  kFill,
  kFillLeft,
  kFillRight,
  kGroupLeft,
  kGroupRight,
  kIgnoring,
  kOffset,
  kOn,
  kSmoothed,
  kWithout,

  // Words that the query's own times hide behind, and the functions of duration expressions.
  kStart,
  kEnd,
  kStep,
  kRange,
  kMaxOf,
  kMinOf,
};

struct Token {
  TokenKind kind = TokenKind::kEof;
  uint32_t start = 0;     // Byte in the expression.
  std::string_view text;  // Of the expression; of the lexer for kError.

  uint32_t end() const { return start + static_cast<uint32_t>(text.size()); }
};

constexpr bool is_operator(TokenKind kind) { return kind >= TokenKind::kAdd && kind <= TokenKind::kAtan2; }
constexpr bool is_aggregator(TokenKind kind) { return kind >= TokenKind::kAvg && kind <= TokenKind::kTopK; }
constexpr bool is_keyword(TokenKind kind) { return kind >= TokenKind::kAnchored && kind <= TokenKind::kWithout; }

// The token of a reserved word in any case; kNumber for "inf" and "nan"; kIdentifier for any other word.
TokenKind word_kind(std::string_view word);

// Whether the token can stand for a metric name, and for a label name in by (...) and on (...).
bool is_metric_name_token(TokenKind kind);
bool is_label_name_token(TokenKind kind);

std::optional<BinaryOp> binary_op_of(TokenKind kind);
AggregateOp aggregate_op_of(TokenKind kind);  // REQUIRES: is_aggregator(kind).

// As messages name it: `identifier "foo"`, `<by>`, `<op:+>`, `"("`, `end of input`.
std::string describe(const Token& token);

}  // namespace tidemark::promql
