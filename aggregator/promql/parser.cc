#include "aggregator/promql/parser.h"

#include <fmt/format.h>

#include <utility>

#include "aggregator/promql/grammar.h"
#include "aggregator/promql/type_check.h"

namespace tidemark::promql {
namespace {

Status check_length(std::string_view text) {
  if (text.size() <= kQueryBytesMax) return {};
  return Status::invalid(
      fmt::format("1:1: parse error: expression of {} bytes is too long: at most {}", text.size(), kQueryBytesMax));
}

}  // namespace

Result<std::unique_ptr<const Expr>> parse_expression(std::string_view text, const ParserOptions& options) {
  if (Status status = check_length(text); !status.ok()) return fail(std::move(status));
  Grammar grammar(text, options);
  ExprPtr expr = grammar.parse_whole_expression();
  if (!grammar.status().ok()) return fail(grammar.status());
  if (Status status = check_types(text, *expr); !status.ok()) return fail(std::move(status));
  return std::unique_ptr<const Expr>(std::move(expr));
}

Result<std::vector<Matcher>> parse_selector(std::string_view text) {
  if (Status status = check_length(text); !status.ok()) return fail(std::move(status));
  Grammar grammar(text, {});
  auto selector = grammar.parse_whole_selector();
  if (!grammar.status().ok()) return fail(grammar.status());
  return std::move(selector->matchers);
}

}  // namespace tidemark::promql
