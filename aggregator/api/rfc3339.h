// Dates as RFC 3339 writes them, in the forms that Go reads and prints.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tidemark::api {

// "2015-07-01T20:10:51.781Z", "2015-07-01T22:10:51+02:00": milliseconds since the Unix epoch, finer digits cut off.
std::optional<int64_t> parse_rfc3339(std::string_view text);

// In UTC, without trailing zeros: "2015-07-01T20:10:51.78Z".
void append_rfc3339(std::string& out, int64_t t_ms);

}  // namespace tidemark::api
