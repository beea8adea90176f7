// Reads what Prometheus calls an HTTP client configuration. Its keys stand among those of a scrape job or an
// Alertmanager, so the reader takes the mapping they are in.
#pragma once

#include <string>

#include "config/scrape_config.h"
#include "config/yaml_reader.h"

namespace tidemark::config {

// Reads basic_auth, authorization, bearer_token[_file], tls_config, follow_redirects and the keys that go with them.
// Relative file names are seen from `folder`. Leaves finish() to the caller.
HttpClientConfig read_http_client(YamlMap& map, const std::string& folder);

}  // namespace tidemark::config
