// Reads receivers and route. Private to config/: rule_file.cc calls it.
#pragma once

#include <string>

#include "config/delivery_config.h"
#include "config/yaml_reader.h"

namespace tidemark::config {

// Reads the keys `receivers` and `route` of `top`, and refuses Alertmanager's others as not supported yet. Relative
// file names are seen from `folder`. Without a route the first receiver gets everything, grouped by alertname.
DeliveryConfig read_delivery(YamlMap& top, const std::string& folder);

}  // namespace tidemark::config
