// The exporter's command line, under node_exporter's names.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "exporter/collection.h"
#include "exporter/collector.h"
#include "exporter/push/push_options.h"
#include "exporter/web.h"
#include "model/log.h"

namespace tidemark::exporter {

struct Options {
  std::vector<std::string> listen_addresses = {":9100"};
  bool systemd_socket = false;           // Serve on the sockets that systemd passed, not on listen_addresses.
  std::string web_config_file;           // "": no TLS, everybody may read.
  std::vector<std::string> admin_users;  // Of that file's users: who may run scripts.
  WebOptions web;
  PushOptions push;
  CollectorConfig collectors;
  std::vector<std::string> enabled;   // Names of collectors.
  std::vector<std::string> warnings;  // To be logged once there is a logger.
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kLogfmt;
  bool once = false;  // Print the page and leave.
};

// Fills `options`; a value is the exit code to leave with at once (help, version, an error on stderr).
std::optional<int> parse_options(int argc, const char* const* argv, Options& options);

// Makes the enabled collectors. Fails on a bad regular expression, naming it.
Result<std::vector<NamedCollector>> make_collectors(const Options& options);

}  // namespace tidemark::exporter
