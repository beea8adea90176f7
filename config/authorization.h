// What a request to somebody who wants to know who we are carries.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "config/scrape_config.h"

namespace tidemark::config {

// "Basic ..." or "Bearer ..." for the configured way to authenticate; "" when there is none. Reads the files that it
// names; an error names the file, never what is in it.
tl::expected<std::string, std::string> authorization_header(const config::HttpClientConfig& http);

}  // namespace tidemark::config
