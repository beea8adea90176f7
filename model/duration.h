// Durations as Prometheus writes them: "15s", "1h30m", "500ms", units y w d h m s ms in falling order, each at most
// once.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/status.h"

namespace tidemark {

// Milliseconds. "0" alone is allowed; negative, empty, repeated or unordered units and anything over 292 years are not.
Result<int64_t> parse_duration_ms(std::string_view text);

// The shortest text that parse_duration_ms reads back: 90000 is "1m30s". REQUIRES: ms >= 0.
std::string format_duration_ms(int64_t ms);

}  // namespace tidemark
