#include "aggregator/retention.h"

#include <fmt/format.h>

#include <filesystem>

#include "model/duration.h"

namespace tidemark {
namespace {

uint64_t disk_bytes(const std::string& path) {
  // The directory may not be there yet; its nearest ancestor is on the same disk.
  std::filesystem::path at = std::filesystem::absolute(path);
  std::error_code error;
  while (at.has_relative_path() && !std::filesystem::exists(at, error)) at = at.parent_path();
  const auto space = std::filesystem::space(at, error);
  return error ? 0 : space.capacity;
}

std::string size_text(uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  size_t unit = 0;
  while (bytes >= 1024 && bytes % 1024 == 0 && unit + 1 < std::size(kUnits)) {
    bytes /= 1024;
    ++unit;
  }
  return fmt::format("{}{}", bytes, kUnits[unit]);
}

}  // namespace

std::string Retention::text() const {
  std::string out = time_ms > 0 ? format_duration_ms(time_ms) : "";
  if (bytes > 0) out += (out.empty() ? "" : " or ") + size_text(bytes);
  return out;
}

Retention choose_retention(const ServerOptions& options, const config::RetentionConfig& config) {
  Retention retention{options.retention_ms, options.retention_bytes, options.storage.retention_5m_ms,
                      options.storage.retention_1h_ms};
  if (config.time_ms) retention.time_ms = *config.time_ms;
  if (config.size_bytes) retention.bytes = *config.size_bytes;
  if (config.rollup_5m_ms) retention.rollup_5m_ms = *config.rollup_5m_ms;
  if (config.rollup_1h_ms) retention.rollup_1h_ms = *config.rollup_1h_ms;
  if (config.percentage && *config.percentage > 0) {
    const double share = *config.percentage / 100 * static_cast<double>(disk_bytes(options.storage.path));
    const auto bytes = static_cast<uint64_t>(share);
    if (retention.bytes == 0 || bytes < retention.bytes) retention.bytes = bytes;
  }
  return retention;
}

}  // namespace tidemark
