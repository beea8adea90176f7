// ServerConfig: what tidemark.yml says. It is Prometheus' configuration file, read unmodified.
//
// All of Prometheus' keys are known. Those that ask for something we do not do are errors that say so; those that make
// no difference here are accepted with a warning; keys that neither of us knows are errors. File names are resolved
// against the folder of the configuration file, as there. ${VAR} is replaced in the values of external_labels only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/scrape_config.h"
#include "model/labels.h"
#include "model/status.h"

namespace tidemark::config {

struct GlobalConfig {
  int64_t scrape_interval_ms = 60'000;
  int64_t scrape_timeout_ms = 10'000;
  int64_t evaluation_interval_ms = 60'000;
  int64_t rule_query_offset_ms = 0;
  Labels external_labels;
  ScrapeLimits limits;  // Already copied into the scrape jobs that set none of their own.
};

// One of storage.tsdb.retention.by_matcher.
struct RetentionRuleConfig {
  std::string match;  // A selector, not parsed.
  int64_t time_ms = 0;
  int line = 0;  // Of the selector.
};

// storage.tsdb. What is set here wins over the flags; an absent value leaves the flag's.
struct RetentionConfig {
  std::optional<int64_t> time_ms;  // 0: for ever.
  std::optional<uint64_t> size_bytes;
  std::optional<double> percentage;  // Of the disk, 0 to 100.
  // Of rollups, buckets of five minutes and of an hour. 0: none are made.
  std::optional<int64_t> rollup_5m_ms;
  std::optional<int64_t> rollup_1h_ms;
  std::vector<RetentionRuleConfig> by_matcher;
};

struct StorageConfig {
  RetentionConfig retention;
  std::string encryption_key_file;                // "": the flag's. Read when the program starts.
  std::optional<int64_t> out_of_order_window_ms;  // Nothing: as far back as the store keeps samples. 0: none.
};

// Where fired alerts are sent beside our own delivery: alerting.alertmanagers.
struct AlertmanagerConfig {
  std::string scheme = "http";
  std::string path_prefix = "/";
  int64_t timeout_ms = 10'000;
  HttpClientConfig http;
  std::vector<TargetGroup> static_configs;
  std::vector<FileSdConfig> file_sd_configs;
  std::vector<RelabelConfig> relabel_configs;
};

struct ServerConfig {
  GlobalConfig global;
  std::vector<ScrapeConfig> scrape_configs;  // In the order of the file; job names are unique.
  std::vector<std::string> rule_files;       // Globs, not expanded: files may come and go.
  StorageConfig storage;
  std::vector<AlertmanagerConfig> alertmanagers;
  std::vector<RelabelConfig> alert_relabel_configs;

  std::string file;                   // Where it was read.
  std::vector<std::string> warnings;  // "FILE:LINE: ...", what was accepted without effect.
};

// Reads and checks everything that needs no network: kInvalid with one line an error, each FILE:LINE: ..., or
// kNotFound or kIo. Does not read rule files, file_sd files or secrets' files.
Result<ServerConfig> load_server_config(const std::string& path);

// The same for a text that goes by the name `path`; relative names are resolved against that path's folder.
Result<ServerConfig> parse_server_config(std::string_view text, const std::string& path);

// The files that a glob names, sorted; none is not an error. Wildcards: * ? [...].
std::vector<std::string> expand_glob(const std::string& pattern);

}  // namespace tidemark::config
