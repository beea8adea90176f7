// Sizes as Prometheus writes them: "10MB", "512KiB", "0". All units are powers of 1024.
#pragma once

#include <cstdint>
#include <string_view>

#include "model/status.h"

namespace tidemark::config {

// A whole number and a unit: B, KB, MB, GB, TB, PB, EB, the same with "i" (MiB) or as a letter alone (M). Several may
// follow each other ("1GB512MB"). "0" needs no unit.
Result<uint64_t> parse_byte_size(std::string_view text);

}  // namespace tidemark::config
