// Points in time as RFC 3339 writes them: "2026-11-21T03:45:00.25Z". What JSON of Prometheus and Alertmanager carries.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tidemark {

// What Go prints for "no time": year 1.
inline constexpr char kNoTimeRfc3339[] = "0001-01-01T00:00:00Z";

// In UTC, fraction only as long as it must be, as Go's RFC3339Nano. REQUIRES: the year has four digits.
std::string format_rfc3339(int64_t t_ms);

// "2015-07-01T20:10:51.781Z", "2015-07-01T22:10:51+02:00": milliseconds since the Unix epoch, finer digits cut off.
std::optional<int64_t> parse_rfc3339(std::string_view text);

}  // namespace tidemark
