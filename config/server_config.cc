#include "config/server_config.h"

#include <fmt/format.h>
#include <glob.h>

#include <algorithm>
#include <cstdlib>

#include "config/file_path.h"
#include "config/http_client_config.h"
#include "config/relabel_config.h"
#include "config/scrape_config_reader.h"
#include "config/target_groups.h"
#include "config/yaml_reader.h"

namespace tidemark::config {
namespace {

constexpr size_t kRetentionRulesMax = 100;

bool is_name_char(char c, bool first) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (!first && c >= '0' && c <= '9');
}

// Replaces $VAR and ${VAR} by the environment, "$$" by "$"; any other "$" stays.
std::string expand_environment(const YamlValue& value) {
  const std::string text = value.string();
  std::string out;
  for (size_t i = 0; i < text.size();) {
    if (text[i] != '$') {
      out += text[i++];
      continue;
    }
    if (i + 1 < text.size() && text[i + 1] == '$') {
      out += '$';
      i += 2;
      continue;
    }
    const bool braces = i + 1 < text.size() && text[i + 1] == '{';
    const size_t begin = i + (braces ? 2 : 1);
    size_t end = begin;
    while (end < text.size() && is_name_char(text[end], end == begin)) ++end;
    if (braces && (end == begin || end == text.size() || text[end] != '}')) {
      value.error(fmt::format("has a \"${{\" without a name and \"}}\" behind it, got {}", quote_value(text)));
      return out;
    }
    if (end == begin) {
      out += text[i++];
      continue;
    }
    const std::string name = text.substr(begin, end - begin);
    const char* const found = std::getenv(name.c_str());
    if (found == nullptr || *found == '\0') {
      value.warn(fmt::format("uses the environment variable {}, which is not set", name));
    } else {
      out += found;
    }
    i = end + (braces ? 1 : 0);
  }
  return out;
}

Labels read_external_labels(const YamlValue& value) {
  LabelsBuilder labels;
  for (const YamlEntry& entry : value.entries()) {
    if (entry.key.empty()) {
      entry.value.error("a label name must not be empty");
    } else {
      labels.set(entry.key, expand_environment(entry.value));
    }
  }
  return labels.build();
}

GlobalConfig read_global(const YamlValue& value) {
  YamlMap map = value.map();
  GlobalConfig global;
  const auto or_default = [](int64_t ms, int64_t fallback) { return ms != 0 ? ms : fallback; };
  global.scrape_interval_ms = or_default(map.duration_ms("scrape_interval", 0), global.scrape_interval_ms);
  const YamlValue timeout = map.get("scrape_timeout");
  const int64_t timeout_ms = timeout.duration_ms(0);
  if (timeout_ms > global.scrape_interval_ms) timeout.error("must not be longer than the scrape interval");
  global.scrape_timeout_ms = std::min(or_default(timeout_ms, global.scrape_timeout_ms), global.scrape_interval_ms);
  global.evaluation_interval_ms = or_default(map.duration_ms("evaluation_interval", 0), global.evaluation_interval_ms);
  global.rule_query_offset_ms = map.duration_ms("rule_query_offset", 0);
  global.external_labels = read_external_labels(map.get("external_labels"));
  global.limits = read_scrape_limits(map, {});
  read_scrape_formats(map);
  map.ignored({"query_log_file"});
  map.finish();
  return global;
}

RetentionRuleConfig read_retention_rule(const YamlValue& item) {
  YamlMap map = item.map();
  RetentionRuleConfig rule;
  const YamlValue match = map.required("match");
  rule.match = match.string();
  rule.line = match.line();
  const YamlValue time = map.required("time");
  rule.time_ms = time.duration_ms(1);
  if (rule.time_ms == 0) time.error("must be above 0");
  map.finish();
  return rule;
}

StorageConfig read_storage(const YamlValue& value, const std::string& folder) {
  YamlMap map = value.map();
  StorageConfig storage;
  storage.encryption_key_file = resolve_path(folder, map.string("encryption_key_file"));
  YamlMap tsdb = map.get("tsdb").map();
  if (tsdb.has("out_of_order_time_window")) {
    storage.out_of_order_window_ms = tsdb.duration_ms("out_of_order_time_window", 0);
  }
  YamlMap retention = tsdb.get("retention").map();
  if (retention.has("time")) storage.retention.time_ms = retention.duration_ms("time", 0);
  if (retention.has("size")) storage.retention.size_bytes = retention.size_bytes("size", 0);
  if (retention.has("rollup_5m")) storage.retention.rollup_5m_ms = retention.duration_ms("rollup_5m", 0);
  if (retention.has("rollup_1h")) storage.retention.rollup_1h_ms = retention.duration_ms("rollup_1h", 0);
  if (const YamlValue percentage = retention.get("percentage"); percentage.present()) {
    const double share = percentage.number(0);
    if (!(share >= 0 && share <= 100)) percentage.error("must be between 0 and 100");
    storage.retention.percentage = share;
  }
  const YamlValue by_matcher = retention.get("by_matcher");
  for (const YamlValue& item : by_matcher.items()) storage.retention.by_matcher.push_back(read_retention_rule(item));
  if (storage.retention.by_matcher.size() > kRetentionRulesMax) {
    by_matcher.error(fmt::format("must have at most {} rules: each is matched with all days kept, again and again",
                                 kRetentionRulesMax));
  }
  retention.finish();
  tsdb.ignored({"chunk_encoding", "stale_series_compaction_threshold"});
  tsdb.finish();
  map.ignored({"exemplars"});
  map.finish();
  return storage;
}

AlertmanagerConfig read_alertmanager(const YamlValue& value, const std::string& folder) {
  YamlMap map = value.map();
  AlertmanagerConfig config;
  config.scheme = read_scheme(map);
  config.path_prefix = map.string("path_prefix", config.path_prefix);
  const YamlValue timeout = map.get("timeout");
  config.timeout_ms = timeout.duration_ms(config.timeout_ms);
  if (config.timeout_ms == 0) timeout.error("must be above 0");
  if (const YamlValue version = map.get("api_version"); version.string("v2") != "v2") {
    version.error(fmt::format("must be v2, got {}", quote_value(version.string())));
  }
  config.http = read_http_client(map, folder);
  config.relabel_configs = read_relabel_configs(map.get("relabel_configs"));
  config.static_configs = read_static_configs(map.get("static_configs"), !config.relabel_configs.empty());
  config.file_sd_configs = read_file_sd_configs(map.get("file_sd_configs"), folder);
  refuse_other_discovery(map);
  map.unsupported({"alert_relabel_configs", "dns_sd_configs", "sigv4"});
  map.finish();
  return config;
}

void read_alerting(const YamlValue& value, const std::string& folder, ServerConfig& config) {
  YamlMap map = value.map();
  config.alert_relabel_configs = read_relabel_configs(map.get("alert_relabel_configs"));
  for (const YamlValue& item : map.get("alertmanagers").items()) {
    config.alertmanagers.push_back(read_alertmanager(item, folder));
  }
  map.finish();
}

void read_rule_files(const YamlValue& value, const std::string& folder, ServerConfig& config) {
  for (const std::string& name : value.strings()) {
    const size_t star = name.find('*');
    if (name.empty() || (star != std::string::npos && name.find('/', star) != std::string::npos)) {
      value.error(fmt::format("must name files, with \"*\" after the last \"/\" only, got {}", quote_value(name)));
    }
    config.rule_files.push_back(resolve_path(folder, name));
  }
}

Result<ServerConfig> read_server_config(YamlFile file) {
  const std::string folder = folder_of(file.name());
  ServerConfig config;
  YamlMap top = file.root().map();
  config.global = read_global(top.get("global"));
  config.scrape_configs = read_scrape_configs(top.get("scrape_configs"), config.global, folder);
  read_rule_files(top.get("rule_files"), folder, config);
  config.storage = read_storage(top.get("storage"), folder);
  read_alerting(top.get("alerting"), folder, config);
  top.unsupported({"remote_write", "remote_read", "scrape_config_files"});
  top.ignored({"runtime", "tracing", "otlp"});
  top.finish();
  if (!file.ok()) return fail(file.status());
  config.file = file.name();
  config.warnings = file.warnings();
  return config;
}

}  // namespace

Result<ServerConfig> load_server_config(const std::string& path) { return read_server_config(YamlFile::load(path)); }

Result<ServerConfig> parse_server_config(std::string_view text, const std::string& path) {
  return read_server_config(YamlFile::parse(text, path));
}

std::vector<std::string> expand_glob(const std::string& pattern) {
  glob_t found{};
  std::vector<std::string> files;
  if (::glob(pattern.c_str(), 0, nullptr, &found) == 0) files.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  return files;
}

}  // namespace tidemark::config
