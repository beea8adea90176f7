#include "aggregator/api/parse_handlers.h"

#include "aggregator/api/json_writer.h"
#include "aggregator/api/parameters.h"
#include "aggregator/api/tree_json.h"
#include "aggregator/promql/pretty_printer.h"

namespace tidemark::api {

Outcome format_query(const promql::ParserOptions& options, const net::Request& request) {
  const auto expr = promql::parse_expression(Parameters(request).value("query"), options);
  if (!expr) return refuse(bad_parameter("query", expr.error().message()));
  const auto text = promql::to_pretty_string(**expr);
  if (!text) return refuse(error_of(text.error()));
  Answer answer;
  JsonWriter(answer.body).string(*text);
  return answer;
}

Outcome parse_query(const promql::ParserOptions& options, const net::Request& request) {
  const auto expr = promql::parse_expression(Parameters(request).value("query"), options);
  if (!expr) return refuse(bad_parameter("query", expr.error().message()));
  Answer answer;
  append_tree(answer.body, **expr);
  return answer;
}

}  // namespace tidemark::api
