// What a request to a server that wants to know who we are carries, and how its connection is made.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "config/scrape_config.h"
#include "net/client.h"

namespace tidemark::config {

// "Basic ..." or "Bearer ..." for the configured way to authenticate; "" when there is none. Reads the files that it
// names; an error names the file, never what is in it.
tl::expected<std::string, std::string> authorization_header(const config::HttpClientConfig& http);

// The TLS part of the configuration for a client.
net::ClientOptions client_options(const TlsConfig& tls, int64_t connect_timeout_ms);

}  // namespace tidemark::config
