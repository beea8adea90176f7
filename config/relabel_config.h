// Reads and checks lists of relabelling steps.
#pragma once

#include <vector>

#include "config/scrape_config.h"
#include "config/yaml_reader.h"

namespace tidemark::config {

// The steps of relabel_configs, metric_relabel_configs or alert_relabel_configs. Regular expressions are compiled here,
// so that a bad one is reported with its line.
std::vector<RelabelConfig> read_relabel_configs(const YamlValue& list);

}  // namespace tidemark::config
