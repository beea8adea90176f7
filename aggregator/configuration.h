// Configuration: everything the files say, read together, so that a reload takes all of it or nothing.
#pragma once

#include <string>
#include <vector>

#include "aggregator/promql/parser.h"
#include "aggregator/storage/store.h"
#include "config/delivery_config.h"
#include "config/rule_file.h"
#include "config/server_config.h"
#include "model/status.h"

namespace tidemark {

struct Configuration {
  config::ServerConfig server;
  std::vector<config::RuleFile> rule_files;
  config::DeliveryConfig delivery;
  std::vector<storage::RetentionRule> retention_rules;  // storage.tsdb.retention.by_matcher.
  std::vector<std::string> warnings;                    // Of all files: "FILE:LINE: ...".
};

// Reads the configuration file and the rule files it names, and checks all that needs no network. An error has a line
// for each mistake, FILE:LINE: ...
Result<Configuration> load_configuration(const std::string& config_file, const promql::ParserOptions& parser = {});

// One rule file with its expressions and templates checked.
Result<config::RuleFile> load_checked_rule_file(const std::string& file, const promql::ParserOptions& parser = {});

}  // namespace tidemark
