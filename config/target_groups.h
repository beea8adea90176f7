// Reads groups of targets: in the configuration file itself, and in the files that file_sd_configs name.
#pragma once

#include <string>
#include <vector>

#include "config/scrape_config.h"
#include "config/yaml_reader.h"
#include "model/status.h"

namespace tidemark::config {

// `relabelled`: relabelling steps follow, so a target may be more than host:port.
std::vector<TargetGroup> read_static_configs(const YamlValue& list, bool relabelled);

std::vector<FileSdConfig> read_file_sd_configs(const YamlValue& list, const std::string& folder);

std::vector<DnsSdConfig> read_dns_sd_configs(const YamlValue& list);

// One file_sd file, YAML or JSON: a list of {targets, labels}. Errors as load_server_config's.
Result<std::vector<TargetGroup>> load_target_groups(const std::string& path);

}  // namespace tidemark::config
