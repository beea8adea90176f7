// Points in time as RFC 3339 writes them: "2026-11-21T03:45:00.25Z". What JSON of Prometheus and Alertmanager carries.
#pragma once

#include <cstdint>
#include <string>

namespace tidemark {

// What Go prints for "no time": year 1.
inline constexpr char kNoTimeRfc3339[] = "0001-01-01T00:00:00Z";

// In UTC, fraction only as long as it must be, as Go's RFC3339Nano. REQUIRES: the year has four digits.
std::string format_rfc3339(int64_t t_ms);

}  // namespace tidemark
