#include "aggregator/configuration.h"

#include <fmt/format.h>

#include "alerting/rule_check.h"

namespace tidemark {

Result<config::RuleFile> load_checked_rule_file(const std::string& file, const promql::ParserOptions& parser) {
  auto rules = config::load_rule_file(file);
  if (!rules) return rules;
  if (Status status = alerting::check_rules(*rules, parser); !status.ok()) return fail(status);
  return rules;
}

Result<Configuration> load_configuration(const std::string& config_file, const promql::ParserOptions& parser) {
  auto server = config::load_server_config(config_file);
  if (!server) return fail(server.error());
  Configuration all;
  all.server = std::move(*server);
  all.warnings = all.server.warnings;
  std::string errors;
  for (const config::RetentionRuleConfig& rule : all.server.storage.retention.by_matcher) {
    auto matchers = promql::parse_selector(rule.match);
    if (matchers) {
      all.retention_rules.push_back({std::move(*matchers), rule.time_ms});
      continue;
    }
    if (!errors.empty()) errors += '\n';
    errors += fmt::format("{}:{}: \"match\" must be a series selector: {}", config_file, rule.line,
                          matchers.error().message());
  }
  for (const std::string& pattern : all.server.rule_files) {
    const std::vector<std::string> files = config::expand_glob(pattern);
    if (files.empty()) {
      all.warnings.push_back(fmt::format("{}: rule_files: \"{}\" names no file", config_file, pattern));
    }
    for (const std::string& file : files) {
      auto rules = load_checked_rule_file(file, parser);
      if (!rules) {
        if (!errors.empty()) errors += '\n';
        errors += rules.error().message();
        continue;
      }
      all.warnings.insert(all.warnings.end(), rules->warnings.begin(), rules->warnings.end());
      all.rule_files.push_back(std::move(*rules));
    }
  }
  if (!errors.empty()) return fail(Status::invalid(std::move(errors)));
  auto delivery = config::delivery_of(all.rule_files);
  if (!delivery) return fail(delivery.error());
  all.delivery = std::move(*delivery);
  return all;
}

}  // namespace tidemark
