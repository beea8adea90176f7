// /api/v1/status/buildinfo, runtimeinfo, flags and tsdb.
#pragma once

#include <cstdint>

#include "aggregator/api/api.h"
#include "aggregator/api/outcome.h"

namespace tidemark::api {

// Clients, Grafana among them, choose their requests by this: the Prometheus whose API is spoken here.
inline constexpr std::string_view kPrometheusVersion = "3.5.0";

Outcome buildinfo(const Options& options);
Outcome runtimeinfo(const Program::State& state, int64_t started_at_ms, int64_t now_ms);
Outcome flags(const Options& options);
// What is in memory: how many series, and where they come from. Of each kind the first `limit`, 10 unless asked.
Outcome tsdb_status(storage::Admin& store, const net::Request& request);

}  // namespace tidemark::api
