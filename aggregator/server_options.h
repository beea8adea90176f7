// What the command line of `tidemark` (the server) says. Flags carry Prometheus' names where the meaning is the same.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "aggregator/promql/engine.h"
#include "aggregator/storage/store.h"
#include "model/log.h"

namespace tidemark {

struct ServerOptions {
  std::string config_file;

  std::vector<std::string> listen_addresses;
  std::string web_config_file;  // "": no TLS, everybody is let in.
  std::string external_url;     // "": made from this host's name and the first listening port.
  bool enable_lifecycle = false;
  bool enable_admin_api = false;
  bool enable_remote_write = false;
  int64_t connections_max = 0;
  int64_t read_timeout_ms = 0;

  storage::Options storage;
  std::string backup_folder;  // "": none.
  int64_t backups_kept = 0;
  // As given by flag; what the configuration file says wins.
  int64_t retention_ms = 0;
  uint64_t retention_bytes = 0;

  promql::EngineOptions engine;

  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kLogfmt;

  std::vector<std::pair<std::string, std::string>> flags;  // Names and values in force, for /api/v1/status/flags.
  std::vector<std::string> warnings;                       // To be logged once there is a logger.
};

// A value is the exit code to leave with at once: after --help, --version or an error, which has been printed.
std::optional<int> parse_server_options(int argc, const char* const* argv, ServerOptions& options);

// For --version and the log.
std::string version_text();

}  // namespace tidemark
