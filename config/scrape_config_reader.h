// Reads the entries of scrape_configs, and the limits that global shares with them.
#pragma once

#include <string>
#include <vector>

#include "config/scrape_config.h"
#include "config/server_config.h"
#include "config/yaml_reader.h"

namespace tidemark::config {

// Fills in what the jobs leave to `global`.
std::vector<ScrapeConfig> read_scrape_configs(const YamlValue& list, const GlobalConfig& global,
                                              const std::string& folder);

// The limits among the keys of `map`; those not there are taken from `defaults`. Leaves finish() to the caller.
ScrapeLimits read_scrape_limits(YamlMap& map, const ScrapeLimits& defaults);

// Keys of both global and a scrape job that concern formats we do not read: refused when they ask for one.
void read_scrape_formats(YamlMap& map);

// Ways to discover targets that Prometheus has and we do not. Where DNS is one, the caller refuses it.
void refuse_other_discovery(YamlMap& map);

// "scheme": http or https.
std::string read_scheme(YamlMap& map);

}  // namespace tidemark::config
