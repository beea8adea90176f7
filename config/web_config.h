// WebConfig: what a --web.config.file says, in exporter-toolkit's format
// (https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md). Plain values, checked.
//
//   tls_server_config: {cert_file: server.crt, key_file: server.key}
//   http_server_config: {headers: {X-Frame-Options: deny}}
//   basic_auth_users: {alice: $2y$10$...}
//   rate_limit: {interval: 1s, burst: 20}
//
// An empty file asks for nothing. HTTP/1.1 is spoken whatever http2 says. Differences: TLS10 and TLS11 are refused, as
// this system's OpenSSL would not speak them, and so are bcrypt costs above 18.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "model/status.h"
#include "net/http_message.h"
#include "net/server_tls.h"

namespace tidemark::config {

struct RateLimit {
  int64_t interval_ms = 0;  // Between requests in the long run; 0: no limit.
  int64_t burst = 0;
};

struct WebConfig {
  std::optional<net::ServerTlsOptions> tls;
  net::Params headers;                       // For every answer.
  std::map<std::string, std::string> users;  // Name to bcrypt hash.
  RateLimit rate_limit;
};

// kInvalid with one line an error, each FILE:LINE: ..., or kNotFound or kIo. Does not open certificates. Relative file
// names are seen from the file's folder.
Result<WebConfig> load_web_config(const std::string& path);
Result<WebConfig> parse_web_config(std::string_view text, const std::string& path);

}  // namespace tidemark::config
