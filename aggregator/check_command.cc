#include "aggregator/check_command.h"

#include <cstdio>

#include "aggregator/configuration.h"

namespace tidemark {
namespace {

constexpr char kUsage[] =
    "usage: tidemark check config FILE...   configuration files and the rule files they name\n"
    "       tidemark check rules FILE...    rule files\n";

void report(const std::string& file, const Status& status) {
  std::fprintf(stderr, "%s: FAILED\n%s\n", file.c_str(), status.message().c_str());
}

bool check_config(const std::string& file) {
  const auto configuration = load_configuration(file);
  if (!configuration) {
    report(file, configuration.error());
    return false;
  }
  for (const std::string& warning : configuration->warnings) std::fprintf(stderr, "warning: %s\n", warning.c_str());
  std::printf("%s: OK, %zu scrape jobs, %zu rule files\n", file.c_str(), configuration->server.scrape_configs.size(),
              configuration->rule_files.size());
  return true;
}

bool check_rules(const std::string& file) {
  const auto rules = load_checked_rule_file(file);
  if (!rules) {
    report(file, rules.error());
    return false;
  }
  for (const std::string& warning : rules->warnings) std::fprintf(stderr, "warning: %s\n", warning.c_str());
  size_t count = 0;
  for (const config::RuleGroup& group : rules->groups) count += group.rules.size();
  std::printf("%s: OK, %zu rules\n", file.c_str(), count);
  return true;
}

}  // namespace

int check_command(const std::vector<std::string>& args) {
  if (!args.empty() && (args[0] == "-h" || args[0] == "--help")) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  if (args.size() < 2 || (args[0] != "config" && args[0] != "rules")) {
    std::fputs(kUsage, stderr);
    return 1;
  }
  bool all_right = true;
  for (size_t i = 1; i < args.size(); ++i) {
    all_right &= args[0] == "config" ? check_config(args[i]) : check_rules(args[i]);
  }
  return all_right ? 0 : 1;
}

}  // namespace tidemark
