// What a scrape job is: one entry of scrape_configs in prometheus.yml, defaults filled in and checked.
// Plain values; safe to copy and to share between threads once built.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/secret.h"
#include "model/labels.h"

namespace re2 {
class RE2;
}

namespace tidemark::config {

// Username and password: from here, or from a file that is read again for every request.
struct BasicAuth {
  std::string username;
  std::string username_file;
  Secret password;
  std::string password_file;
};

// "Authorization: TYPE CREDENTIALS".
struct Authorization {
  std::string type = "Bearer";
  Secret credentials;
  std::string credentials_file;
};

struct TlsConfig {
  std::string ca_file;    // "": the system's authorities.
  std::string cert_file;  // Client certificate and its key: both or neither.
  std::string key_file;
  std::string server_name;  // "": the target's host.
  bool insecure_skip_verify = false;
};

// How to speak HTTP to somebody. At most one of the two ways to authenticate is set; bearer_token and
// bearer_token_file arrive here as `authorization`. File names are absolute, or relative to the working directory.
struct HttpClientConfig {
  std::optional<BasicAuth> basic_auth;
  std::optional<Authorization> authorization;
  TlsConfig tls;
  bool follow_redirects = true;
};

enum class RelabelAction {
  kReplace,
  kKeep,
  kDrop,
  kKeepEqual,
  kDropEqual,
  kHashMod,
  kLabelMap,
  kLabelDrop,
  kLabelKeep,
  kLowercase,
  kUppercase,
};

// One step of relabel_configs. Has been validated for its action as Prometheus does.
struct RelabelConfig {
  std::vector<std::string> source_labels;
  std::string separator = ";";
  // Never null, compiled with "." matching newlines. Use FullMatch: expressions are anchored at both ends.
  std::shared_ptr<const re2::RE2> regex;
  std::string regex_text = "(.*)";
  uint64_t modulus = 0;
  std::string target_label;        // May hold $1 or ${name} for replace.
  std::string replacement = "$1";  // May hold $1 or ${name}, Go's syntax.
  RelabelAction action = RelabelAction::kReplace;
};

// Targets that share labels: an entry of static_configs, or of a file_sd file.
struct TargetGroup {
  std::vector<std::string> targets;  // "host:port"; a port may be missing.
  Labels labels;
};

struct FileSdConfig {
  std::vector<std::string> files;  // Globs; only the last part may hold a "*".
  int64_t refresh_interval_ms = 300'000;
};

enum class DnsRecordType { kSrv, kA, kAaaa };

struct DnsSdConfig {
  std::vector<std::string> names;  // The search domains of /etc/resolv.conf apply.
  DnsRecordType type = DnsRecordType::kSrv;
  uint16_t port = 0;  // Of A and AAAA records' targets, and never 0 there. SRV records bring their own.
  int64_t refresh_interval_ms = 30'000;
};

// Limits of one scrape; 0 is none. Beyond one of them the whole scrape fails.
struct ScrapeLimits {
  uint64_t body_size_bytes = 0;  // Of the body after decompression.
  uint64_t samples = 0;          // After metric relabelling.
  uint64_t labels = 0;           // Of one sample, after metric relabelling.
  uint64_t label_name_bytes = 0;
  uint64_t label_value_bytes = 0;
  uint64_t targets = 0;  // Of the job, after relabelling.
};

struct ScrapeConfig {
  std::string job_name;

  int64_t interval_ms = 60'000;
  int64_t timeout_ms = 10'000;  // Never above the interval.
  std::string metrics_path = "/metrics";
  std::string scheme = "http";                                           // "http" or "https"
  std::vector<std::pair<std::string, std::vector<std::string>>> params;  // In the order of the file.
  HttpClientConfig http;
  bool enable_compression = true;

  bool honor_labels = false;
  bool honor_timestamps = true;
  bool track_timestamps_staleness = false;
  ScrapeLimits limits;
  std::vector<RelabelConfig> metric_relabel_configs;

  std::vector<TargetGroup> static_configs;
  std::vector<FileSdConfig> file_sd_configs;
  std::vector<DnsSdConfig> dns_sd_configs;
  std::vector<RelabelConfig> relabel_configs;
};

}  // namespace tidemark::config
