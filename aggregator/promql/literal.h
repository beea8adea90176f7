// The values of number and duration tokens.
#pragma once

#include <string_view>

#include "model/status.h"

namespace tidemark::promql {

// 1_000, 0x1f, 1e-3, Inf, nan, and 010, which is octal as in Go. Out of range is an error.
Result<double> parse_number_literal(std::string_view token);

// 1h30m in milliseconds, with Prometheus' messages.
Result<int64_t> parse_duration_literal(std::string_view token);

}  // namespace tidemark::promql
