// /api/v1/query, /api/v1/query_range and /api/v1/query_exemplars.
#pragma once

#include "aggregator/api/outcome.h"
#include "aggregator/promql/engine.h"
#include "model/clock.h"
#include "net/http_message.h"

namespace tidemark::api {

Outcome query(promql::Engine& engine, const Clock& clock, const net::Request& request);
Outcome query_range(promql::Engine& engine, const net::Request& request);
// Exemplars are not kept, so a sound request finds none. Grafana asks beside every query when told to show them.
Outcome query_exemplars(const net::Request& request);

}  // namespace tidemark::api
