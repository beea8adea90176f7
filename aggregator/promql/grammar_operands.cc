#include <fmt/format.h>

#include <algorithm>

#include "aggregator/promql/functions.h"
#include "aggregator/promql/grammar.h"
#include "aggregator/promql/literal.h"
#include "aggregator/promql/quote.h"

namespace tidemark::promql {
namespace {

bool is_experimental(AggregateOp op) { return op == AggregateOp::kLimitK || op == AggregateOp::kLimitRatio; }

// Words that are functions when a parenthesis follows and metric names otherwise.
bool can_name_function(TokenKind kind) { return kind == TokenKind::kIdentifier || kind >= TokenKind::kStart; }

std::optional<MatchOp> match_op_of(TokenKind kind) {
  switch (kind) {
    case TokenKind::kAssign:
      return MatchOp::kEqual;
    case TokenKind::kNotEqual:
      return MatchOp::kNotEqual;
    case TokenKind::kRegexMatch:
      return MatchOp::kRegex;
    case TokenKind::kRegexNotMatch:
      return MatchOp::kNotRegex;
    default:
      return std::nullopt;
  }
}

}  // namespace

ExprPtr Grammar::parse_operand() {
  switch (peek().kind) {
    case TokenKind::kNumber:
    case TokenKind::kDuration:
      return parse_number();
    case TokenKind::kString:
      return parse_string();
    case TokenKind::kLeftParen:
      return parse_paren();
    case TokenKind::kLeftBrace:
      return parse_vector_selector(nullptr);
    default:
      break;
  }
  if (!is_metric_name_token(peek().kind)) return unexpected();
  const Token word = take();
  if (!ok()) return nullptr;
  if (is_aggregator(word.kind) &&
      (peek_is(TokenKind::kLeftParen) || peek_is(TokenKind::kBy) || peek_is(TokenKind::kWithout)))
    return parse_aggregate(word);
  if (can_name_function(word.kind) && peek_is(TokenKind::kLeftParen)) return parse_call(word);
  return parse_vector_selector(&word);
}

std::unique_ptr<NumberLiteral> Grammar::parse_number() {
  const Token token = take();
  if (!ok()) return nullptr;
  auto number = std::make_unique<NumberLiteral>();
  number->span = {token.start, token.end()};
  if (token.kind == TokenKind::kDuration) {
    const auto ms = promql::parse_duration_literal(token.text);
    if (!ms) return error(token.start, ms.error().message());
    number->value = static_cast<double>(*ms) / 1000;
    number->is_duration = true;
  } else {
    const auto value = parse_number_literal(token.text);
    if (!value) return error(token.start, value.error().message());
    number->value = *value;
  }
  return number;
}

ExprPtr Grammar::parse_string() {
  const Token token = take();
  auto string = std::make_unique<StringLiteral>();
  string->value = unquote(token.text);
  string->span = {token.start, token.end()};
  return string;
}

ExprPtr Grammar::parse_paren() {
  const Token open = take();
  if (!ok()) return nullptr;
  auto paren = std::make_unique<ParenExpr>();
  paren->expr = parse_expression(0);
  if (!ok() || !expect(TokenKind::kRightParen)) return nullptr;
  paren->type = paren->expr->type;
  paren->span = {open.start, taken_end_};
  if (!set_depth(*paren, paren->expr->depth)) return nullptr;
  return paren;
}

std::optional<std::vector<ExprPtr>> Grammar::parse_arguments() {
  if (!expect(TokenKind::kLeftParen)) return std::nullopt;
  std::vector<ExprPtr> args;
  while (!peek_is(TokenKind::kRightParen)) {
    args.push_back(parse_expression(0));
    if (!ok()) return std::nullopt;
    if (!peek_is(TokenKind::kComma)) break;
    const Token comma = take();
    if (ok() && peek_is(TokenKind::kRightParen))
      error(comma.start, "trailing commas not allowed in function call args");
    if (!ok()) return std::nullopt;
  }
  if (!expect(TokenKind::kRightParen)) return std::nullopt;
  return args;
}

ExprPtr Grammar::parse_call(const Token& name) {
  auto args = parse_arguments();
  if (!args) return nullptr;
  auto call = std::make_unique<CallExpr>();
  call->function = find_function(name.text);
  if (call->function == nullptr)
    return error(name.start, fmt::format("unknown function with name {}", quoted(name.text)));
  if (call->function->experimental && !options_.experimental_functions)
    return error(name.start, fmt::format("function {} is not enabled", quoted(name.text)));
  call->type = call->function->result;
  call->args = std::move(*args);
  call->span = {name.start, taken_end_};
  if (name.text == "info" && call->args.size() > 1 && call->args[1]->kind == ExprKind::kVectorSelector)
    static_cast<VectorSelector&>(*call->args[1]).is_info_data_selector = true;
  uint32_t depth = 0;
  for (const ExprPtr& arg : call->args) depth = std::max(depth, arg->depth);
  if (!set_depth(*call, depth)) return nullptr;
  return call;
}

bool Grammar::parse_grouping(AggregateExpr& aggregate) {
  aggregate.without = take().kind == TokenKind::kWithout;
  return ok() && parse_label_names(aggregate.grouping);
}

// op by (...) (args), op (args) by (...), op (args)
ExprPtr Grammar::parse_aggregate(const Token& name) {
  const InContext context(*this, {"aggregation", ""});
  auto aggregate = std::make_unique<AggregateExpr>();
  aggregate->op = aggregate_op_of(name.kind);
  const bool grouping_first = !peek_is(TokenKind::kLeftParen);
  if (grouping_first && !parse_grouping(*aggregate)) return nullptr;
  auto args = parse_arguments();
  if (!args) return nullptr;
  if (!grouping_first && (peek_is(TokenKind::kBy) || peek_is(TokenKind::kWithout)) && !parse_grouping(*aggregate))
    return nullptr;
  if (args->empty()) return error(name.start, "no arguments for aggregate expression provided");
  if (is_experimental(aggregate->op) && !options_.experimental_functions) {
    return error(name.start, fmt::format("{}() is experimental and must be enabled with "
                                         "--enable-feature=promql-experimental-functions",
                                         aggregate_op_name(aggregate->op)));
  }
  const size_t wanted = has_parameter(aggregate->op) ? 2 : 1;
  if (args->size() != wanted) {
    return error(name.start, fmt::format("wrong number of arguments for aggregate expression provided, expected {}, "
                                         "got {}",
                                         wanted, args->size()));
  }
  aggregate->expr = std::move(args->back());
  uint32_t depth = aggregate->expr->depth;
  if (wanted == 2) {
    aggregate->parameter = std::move(args->front());
    depth = std::max(depth, aggregate->parameter->depth);
  }
  aggregate->span = {name.start, taken_end_};
  if (!set_depth(*aggregate, depth)) return nullptr;
  return aggregate;
}

// `name`: the token before the braces, taken already; null when there is none.
std::unique_ptr<VectorSelector> Grammar::parse_vector_selector(const Token* name) {
  auto selector = std::make_unique<VectorSelector>();
  selector->span.start = name != nullptr ? name->start : peek().start;
  if (peek_is(TokenKind::kLeftBrace) && !parse_matchers(*selector)) return nullptr;
  selector->span.end = taken_end_;
  if (name != nullptr) {
    selector->name = name->text;
    selector->matchers.push_back(Matcher::equal(kMetricName, name->text));
  }
  return selector;
}

bool Grammar::parse_matchers(VectorSelector& selector) {
  static constexpr Context kWantsMatcher{"label matching", "identifier or \"}\""};
  static constexpr Context kWantsSeparator{"label matching", "\",\" or \"}\""};
  take();
  while (ok() && !peek_is(TokenKind::kRightBrace)) {
    if (!peek_is(TokenKind::kIdentifier) && !peek_is(TokenKind::kString)) {
      unexpected(kWantsMatcher);
      return false;
    }
    if (!parse_matcher(selector)) return false;
    if (peek_is(TokenKind::kRightBrace)) break;
    if (!peek_is(TokenKind::kComma)) {
      unexpected(kWantsSeparator);
      return false;
    }
    take();
  }
  if (ok()) take();
  return ok();
}

// label="value", "label"="value", or a metric name in quotes.
bool Grammar::parse_matcher(VectorSelector& selector) {
  static constexpr Context kWantsOperator{"label matching", "label matching operator"};
  static constexpr Context kWantsString{"label matching", "string"};
  const Token label = take();
  if (!ok()) return false;
  const bool is_quoted = label.kind == TokenKind::kString;
  const std::string name = is_quoted ? unquote(label.text) : std::string(label.text);
  const auto op = match_op_of(peek().kind);
  if (!op) {
    if (is_quoted) return add_matcher(selector, label, kMetricName, MatchOp::kEqual, name);
    unexpected(kWantsOperator);
    return false;
  }
  take();
  if (!ok()) return false;
  if (!peek_is(TokenKind::kString)) {
    unexpected(kWantsString);
    return false;
  }
  const Token value = take();
  return ok() && add_matcher(selector, label, name, *op, unquote(value.text));
}

bool Grammar::add_matcher(VectorSelector& selector, const Token& label, std::string_view label_name, MatchOp op,
                          std::string_view value) {
  const bool is_regex = op == MatchOp::kRegex || op == MatchOp::kNotRegex;
  if (is_regex && ++regex_matchers_ > kRegexMatchersMax) {
    error(label.start, fmt::format("too many regular expressions: at most {} in a query", kRegexMatchersMax));
    return false;
  }
  auto matcher = Matcher::make(op, label_name, value);
  if (!matcher) {
    error(label.start, matcher.error().message());
    return false;
  }
  selector.matchers.push_back(std::move(*matcher));
  return true;
}

}  // namespace tidemark::promql
