// The folder of what Prometheus and its users have written, where one is at hand: promql/*.test, rules/*. It is the
// environment's TIDEMARK_CONFORMANCE, or shared/conformance in a folder above the sources.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>

namespace tidemark::promqltest {

inline std::optional<std::filesystem::path> conformance_folder() {
  if (const char* const given = std::getenv("TIDEMARK_CONFORMANCE")) return given;
  std::filesystem::path at = std::filesystem::path(PROMQL_SCRIPTS).lexically_normal();
  while (at.has_relative_path()) {
    at = at.parent_path();
    if (std::filesystem::is_directory(at / "shared" / "conformance")) return at / "shared" / "conformance";
  }
  return std::nullopt;
}

}  // namespace tidemark::promqltest
