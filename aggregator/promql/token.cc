#include "aggregator/promql/token.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "aggregator/promql/quote.h"
#include "model/utf8.h"

namespace tidemark::promql {
namespace {

struct Word {
  std::string_view text;
  TokenKind kind;
};

constexpr Word kWords[] = {
    {"anchored", TokenKind::kAnchored},
    {"and", TokenKind::kAnd},
    {"atan2", TokenKind::kAtan2},
    {"avg", TokenKind::kAvg},
    {"bool", TokenKind::kBool},
    {"bottomk", TokenKind::kBottomK},
    {"by", TokenKind::kBy},
    {"count", TokenKind::kCount},
    {"count_values", TokenKind::kCountValues},
    {"end", TokenKind::kEnd},
    {"fill", TokenKind::kFill},
    {"fill_left", TokenKind::kFillLeft},
    {"fill_right", TokenKind::kFillRight},
    {"group", TokenKind::kGroup},
    {"group_left", TokenKind::kGroupLeft},
    {"group_right", TokenKind::kGroupRight},
    {"ignoring", TokenKind::kIgnoring},
    {"inf", TokenKind::kNumber},
    {"limit_ratio", TokenKind::kLimitRatio},
    {"limitk", TokenKind::kLimitK},
    {"max", TokenKind::kMax},
    {"max_of", TokenKind::kMaxOf},
    {"min", TokenKind::kMin},
    {"min_of", TokenKind::kMinOf},
    {"nan", TokenKind::kNumber},
    {"offset", TokenKind::kOffset},
    {"on", TokenKind::kOn},
    {"or", TokenKind::kOr},
    {"quantile", TokenKind::kQuantile},
    {"range", TokenKind::kRange},
    {"smoothed", TokenKind::kSmoothed},
    {"start", TokenKind::kStart},
    {"stddev", TokenKind::kStddev},
    {"stdvar", TokenKind::kStdvar},
    {"step", TokenKind::kStep},
    {"sum", TokenKind::kSum},
    {"topk", TokenKind::kTopK},
    {"unless", TokenKind::kUnless},
    {"without", TokenKind::kWithout},
};
constexpr size_t kWordBytesMax = 12;  // "count_values"

// Messages show no more of a literal.
constexpr size_t kShownCharsMax = 10;

std::string_view first_chars(std::string_view text, size_t count) {
  size_t bytes = 0;
  for (size_t i = 0; i < count && bytes < text.size(); ++i)
    bytes += std::max<size_t>(utf8_sequence_length(text.substr(bytes)), 1);
  return text.substr(0, bytes);
}

}  // namespace

TokenKind word_kind(std::string_view word) {
  if (word.size() > kWordBytesMax) return TokenKind::kIdentifier;
  char lower[kWordBytesMax];
  std::transform(word.begin(), word.end(), lower,
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  const std::string_view key(lower, word.size());
  const auto* found = std::lower_bound(std::begin(kWords), std::end(kWords), key,
                                       [](const Word& entry, std::string_view wanted) { return entry.text < wanted; });
  return found != std::end(kWords) && found->text == key ? found->kind : TokenKind::kIdentifier;
}

bool is_metric_name_token(TokenKind kind) {
  switch (kind) {
    case TokenKind::kIdentifier:
    case TokenKind::kMetricIdentifier:
    case TokenKind::kAnd:
    case TokenKind::kOr:
    case TokenKind::kUnless:
    case TokenKind::kAnchored:
    case TokenKind::kBy:
    case TokenKind::kFill:
    case TokenKind::kFillLeft:
    case TokenKind::kFillRight:
    case TokenKind::kOffset:
    case TokenKind::kSmoothed:
    case TokenKind::kWithout:
      return true;
    default:
      return is_aggregator(kind) || kind >= TokenKind::kStart;
  }
}

bool is_label_name_token(TokenKind kind) {
  if (kind == TokenKind::kBool || kind == TokenKind::kGroupLeft || kind == TokenKind::kGroupRight ||
      kind == TokenKind::kIgnoring || kind == TokenKind::kOn || kind == TokenKind::kAtan2)
    return true;
  return kind != TokenKind::kWithout && is_metric_name_token(kind);
}

std::optional<BinaryOp> binary_op_of(TokenKind kind) {
  switch (kind) {
    case TokenKind::kAdd:
      return BinaryOp::kAdd;
    case TokenKind::kSub:
      return BinaryOp::kSub;
    case TokenKind::kMul:
      return BinaryOp::kMul;
    case TokenKind::kDiv:
      return BinaryOp::kDiv;
    case TokenKind::kMod:
      return BinaryOp::kMod;
    case TokenKind::kPow:
      return BinaryOp::kPow;
    case TokenKind::kAtan2:
      return BinaryOp::kAtan2;
    case TokenKind::kEqual:
      return BinaryOp::kEqual;
    case TokenKind::kNotEqual:
      return BinaryOp::kNotEqual;
    case TokenKind::kLess:
      return BinaryOp::kLess;
    case TokenKind::kLessOrEqual:
      return BinaryOp::kLessOrEqual;
    case TokenKind::kGreater:
      return BinaryOp::kGreater;
    case TokenKind::kGreaterOrEqual:
      return BinaryOp::kGreaterOrEqual;
    case TokenKind::kTrimUpper:
      return BinaryOp::kTrimUpper;
    case TokenKind::kTrimLower:
      return BinaryOp::kTrimLower;
    case TokenKind::kAnd:
      return BinaryOp::kAnd;
    case TokenKind::kOr:
      return BinaryOp::kOr;
    case TokenKind::kUnless:
      return BinaryOp::kUnless;
    default:
      return std::nullopt;
  }
}

AggregateOp aggregate_op_of(TokenKind kind) {
  static_assert(static_cast<int>(TokenKind::kTopK) - static_cast<int>(TokenKind::kAvg) ==
                static_cast<int>(AggregateOp::kTopK) - static_cast<int>(AggregateOp::kAvg));
  return static_cast<AggregateOp>(static_cast<int>(kind) - static_cast<int>(TokenKind::kAvg));
}

std::string describe(const Token& token) {
  std::string_view what;
  switch (token.kind) {
    case TokenKind::kEof:
      return "end of input";
    case TokenKind::kIdentifier:
      return fmt::format("identifier {}", quoted(token.text));
    case TokenKind::kMetricIdentifier:
      return fmt::format("metric identifier {}", quoted(token.text));
    case TokenKind::kNumber:
      what = "number ";
      break;
    case TokenKind::kDuration:
      what = "duration ";
      break;
    case TokenKind::kString:
      what = "string ";
      break;
    default:
      break;
  }
  if (is_keyword(token.kind)) return fmt::format("<{}>", token.text);
  if (is_operator(token.kind)) return fmt::format("<op:{}>", token.text);
  if (is_aggregator(token.kind)) return fmt::format("<aggr:{}>", token.text);
  if (token.text.size() <= kShownCharsMax) return fmt::format("{}{}", what, quoted(token.text));
  return fmt::format("{}{}...", what, quoted(first_chars(token.text, kShownCharsMax)));
}

}  // namespace tidemark::promql
