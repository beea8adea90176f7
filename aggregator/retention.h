// How long samples are kept: the configuration file wins over the flags, which win over the default.
#pragma once

#include <cstdint>
#include <string>

#include "aggregator/server_options.h"
#include "config/server_config.h"

namespace tidemark {

struct Retention {
  int64_t time_ms = 0;  // 0: for ever.
  uint64_t bytes = 0;   // 0: no limit.
  // Of rollups. 0: none are made.
  int64_t rollup_5m_ms = 0;
  int64_t rollup_1h_ms = 0;

  std::string text() const;  // "15d", "15d or 100GiB": as /api/v1/status/runtimeinfo shows it.
};

// A percentage is of the disk that holds the samples, as it is now.
Retention choose_retention(const ServerOptions& options, const config::RetentionConfig& config);

}  // namespace tidemark
