// /api/v1/format_query and /api/v1/parse_query: an expression as text and as a tree, without evaluating it.
#pragma once

#include "aggregator/api/outcome.h"
#include "aggregator/promql/parser.h"
#include "net/http_message.h"

namespace tidemark::api {

Outcome format_query(const promql::ParserOptions& options, const net::Request& request);
// The tree as Prometheus' own page draws it.
Outcome parse_query(const promql::ParserOptions& options, const net::Request& request);

}  // namespace tidemark::api
