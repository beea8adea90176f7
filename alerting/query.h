// QueryFunction: all that rules and templates see of the query engine. Bound to promql::Engine::instant in the program,
// to a table of answers in tests.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "aggregator/promql/engine.h"
#include "model/status.h"

namespace tidemark::alerting {

// Evaluates a PromQL expression at one instant. Thread-safe. May take as long as the engine's query timeout.
using QueryFunction = std::function<Result<promql::QueryResult>(std::string_view expression, int64_t t_ms)>;

}  // namespace tidemark::alerting
