// /api/v1/query and /api/v1/query_range.
#pragma once

#include "aggregator/api/outcome.h"
#include "aggregator/promql/engine.h"
#include "model/clock.h"
#include "net/http_message.h"

namespace tidemark::api {

Outcome query(promql::Engine& engine, const Clock& clock, const net::Request& request);
Outcome query_range(promql::Engine& engine, const net::Request& request);

}  // namespace tidemark::api
