// /api/v1/status/active_queries: which queries wait or run, and an end to one of them.
#pragma once

#include "aggregator/api/outcome.h"
#include "aggregator/promql/engine.h"
#include "net/http_message.h"

namespace tidemark::api {

// The oldest first; times in seconds, sizes in bytes.
Outcome active_queries(const promql::Engine& engine);
// The path names its id. The query ends as one that was cancelled, within some milliseconds.
Outcome kill_query(promql::Engine& engine, const net::Request& request);

}  // namespace tidemark::api
