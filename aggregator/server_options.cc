#include "aggregator/server_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <limits>
#include <thread>

#include "config/byte_size.h"
#include "config/flags.h"
#include "model/duration.h"

namespace tidemark {
namespace {

constexpr int64_t kDefaultRetentionMs = int64_t{15} * 86'400'000;

// Flags whose text is read further once all are known.
struct RawFlags {
  std::string sync = "interval";
  std::string log_bytes_max = "32MB";
  std::string min_free_disk_space = "10MB";
  std::string query_bytes_max = "1GB";
  std::string all_query_bytes_max = "2GB";
  std::string retention_time;
  std::string retention_size;
  std::string log_level = "info";
  std::string log_format = "logfmt";
  std::vector<std::string> features;
  int64_t future_tolerance_ms = 0;
  int64_t samples_max = 0;
  int64_t concurrency_max = 0;
  int64_t threads_max = 0;
};

void declare(config::Flags& flags, ServerOptions& options, RawFlags& raw) {
  flags.add("config.file", &options.config_file, "Configuration file, in the format of prometheus.yml.");
  flags.add("web.listen-address", &options.listen_addresses, "Address to listen on.");
  flags.add("web.config.file", &options.web_config_file,
            "File with TLS, users and headers for all that is served, in exporter-toolkit's format. Default: none.");
  flags.add("web.external-url", &options.external_url,
            "URL under which others reach this server, for links in alerts. Default: made from the host's name.");
  flags.add_duration("web.read-timeout", &options.read_timeout_ms, "How long an idle connection is kept.");
  flags.add("web.max-connections", &options.connections_max, "Most connections at a time.");
  flags.add("web.enable-lifecycle", &options.enable_lifecycle, "Allow reload and shutdown by HTTP request.");
  flags.add("web.enable-admin-api", &options.enable_admin_api, "Allow snapshots and backups by HTTP request.");
  flags.add("web.enable-remote-write-receiver", &options.enable_remote_write, "Take samples at /api/v1/write.");
  flags.add("storage.tsdb.path", &options.storage.path, "Directory of the samples.");
  flags.add("storage.tsdb.retention.time", &raw.retention_time,
            "How long samples are kept; storage.tsdb.retention in the configuration file wins. Default: 15d.");
  flags.add(
      "storage.tsdb.retention.size", &raw.retention_size,
      "Most bytes of samples, as 512MB; storage.tsdb.retention in the configuration file wins. Default: no limit.");
  flags.add_duration("storage.retention.rollup-5m", &options.storage.retention_5m_ms,
                     "How long rollups of five minutes are kept, made of each day once it is over; "
                     "storage.tsdb.retention.rollup_5m in the configuration file wins. 0: none are made.");
  flags.add_duration("storage.retention.rollup-1h", &options.storage.retention_1h_ms,
                     "How long rollups of an hour are kept; storage.tsdb.retention.rollup_1h in the configuration "
                     "file wins. 0: none are made.");
  flags.add_choice(
      "storage.sync", &raw.sync, {"always", "interval", "never"},
      "When a commit is safe from power loss: at once, within a second, or when the kernel likes. A killed "
      "process loses nothing in any case.");
  flags.add("storage.log-bytes-max", &raw.log_bytes_max,
            "Log length at which memory is checkpointed; it bounds the time a restart takes.");
  flags.add("storage.min-free-disk-space", &raw.min_free_disk_space,
            "With less free in the file system of the samples none are taken, until there is space again.");
  flags.add("storage.encryption-key-file", &options.storage.encryption_key_file,
            "File with the key (32 bytes or 64 hexadecimal digits) that a new data directory is encrypted with, and an "
            "encrypted one opened; storage.encryption_key_file in the configuration file wins.");
  flags.add("storage.backup-dir", &options.backup_folder,
            "Folder to which the admin API adds backups of the running store. Default: none.");
  flags.add("storage.backup-keep", &options.backups_kept, "How many backups stay in that folder. 0: all.");
  flags.add_duration("storage.future-tolerance", &raw.future_tolerance_ms,
                     "How far ahead of this host's clock a sample may be.");
  flags.add_duration("query.timeout", &options.engine.timeout_ms, "Longest time a query may take.");
  flags.add_duration("query.lookback-delta", &options.engine.lookback_ms,
                     "How far back an instant selector looks for a sample.");
  flags.add("query.max-samples", &raw.samples_max, "Most samples one query may hold in memory.");
  flags.add("query.max-concurrency", &raw.concurrency_max, "Most queries evaluated at a time.");
  flags.add("query.max-threads", &raw.threads_max,
            "Most threads one query over many series uses. Default: as many as there are processors.");
  flags.add("query.max-memory-per-query", &raw.query_bytes_max, "Most memory one query may hold, as 512MB.");
  flags.add("query.max-memory", &raw.all_query_bytes_max, "Most memory all queries together may hold.");
  flags.add_duration("query.log-slower-than", &options.engine.slow_ms,
                     "Queries that take longer are logged, with what they used. 0s: none is.");
  flags.add("enable-feature", &raw.features, "Comma-separated feature names. Unknown ones only warn.");
  flags.add_choice("log.level", &raw.log_level, {"debug", "info", "warn", "error"}, "Least severe messages to log.");
  flags.add_choice("log.format", &raw.log_format, {"logfmt", "json"}, "Format of log lines.");
}

Status read_sizes(const RawFlags& raw, ServerOptions& options) {
  const auto size = [](std::string_view flag, const std::string& text, uint64_t& bytes) -> Status {
    const auto parsed = config::parse_byte_size(text);
    if (!parsed) return parsed.error().at(fmt::format("--{}", flag));
    bytes = *parsed;
    return {};
  };
  if (Status s = size("storage.log-bytes-max", raw.log_bytes_max, options.storage.log_bytes_max); !s.ok()) return s;
  if (Status s = size("storage.min-free-disk-space", raw.min_free_disk_space, options.storage.min_free_bytes);
      !s.ok()) {
    return s;
  }
  uint64_t bytes = 0;
  if (Status s = size("query.max-memory-per-query", raw.query_bytes_max, bytes); !s.ok()) return s;
  options.engine.bytes_max = bytes;
  if (Status s = size("query.max-memory", raw.all_query_bytes_max, bytes); !s.ok()) return s;
  options.engine.bytes_all_max = bytes;
  if (!raw.retention_size.empty()) {
    if (Status s = size("storage.tsdb.retention.size", raw.retention_size, options.retention_bytes); !s.ok()) return s;
  }
  options.retention_ms = kDefaultRetentionMs;
  if (!raw.retention_time.empty()) {
    const auto parsed = parse_duration_ms(raw.retention_time);
    if (!parsed) return parsed.error().at("--storage.tsdb.retention.time");
    options.retention_ms = *parsed;
  } else if (!raw.retention_size.empty()) {
    options.retention_ms = 0;  // As in Prometheus: a limit by size alone is the only one.
  }
  return {};
}

Status check_ranges(const RawFlags& raw, const ServerOptions& options) {
  constexpr int64_t kConcurrencyMax = 1'000;  // A thread each.
  const auto in_range = [](std::string_view flag, int64_t value, int64_t max) {
    if (value >= 1 && value <= max) return Status();
    const std::string bound = max == std::numeric_limits<int64_t>::max() ? "" : fmt::format(" and at most {}", max);
    return Status::invalid(fmt::format("--{}: must be at least 1{}, got {}", flag, bound, value));
  };
  constexpr int64_t kAny = std::numeric_limits<int64_t>::max();
  if (Status s = in_range("query.max-concurrency", raw.concurrency_max, kConcurrencyMax); !s.ok()) return s;
  if (Status s = in_range("query.max-threads", raw.threads_max, kConcurrencyMax); !s.ok()) return s;
  if (Status s = in_range("query.max-samples", raw.samples_max, kAny); !s.ok()) return s;
  return in_range("web.max-connections", options.connections_max, kAny);
}

// Prometheus' names. What is on by default there or here is no feature any more, but may still be asked for.
void read_features(const std::vector<std::string>& lists, ServerOptions& options) {
  promql::ParserOptions& parser = options.engine.parser;
  for (const std::string& list : lists) {
    for (size_t begin = 0; begin <= list.size();) {
      const size_t end = std::min(list.find(',', begin), list.size());
      const std::string name = list.substr(begin, end - begin);
      begin = end + 1;
      if (name == "promql-experimental-functions") {
        parser.experimental_functions = true;
      } else if (name == "promql-extended-range-selectors") {
        parser.extended_range_selectors = true;
      } else if (name == "promql-binop-fill-modifiers") {
        parser.binop_fill_modifiers = true;
      } else if (name == "promql-delayed-name-removal") {
        options.engine.delayed_name_removal = true;
      } else if (name == "st-storage" || name == "promql-duration-expr") {
        // Start timestamps are always stored, duration expressions part of the language.
      } else if (name == "use-start-timestamps") {
        options.engine.use_start_timestamps = true;
      } else if (!name.empty()) {
        options.warnings.push_back(fmt::format("--enable-feature={}: not known here, ignored", name));
      }
    }
  }
}

storage::SyncPolicy sync_policy(std::string_view name) {
  if (name == "always") return storage::SyncPolicy::kAlways;
  return name == "never" ? storage::SyncPolicy::kNever : storage::SyncPolicy::kInterval;
}

}  // namespace

std::string version_text() {
  return fmt::format("tidemark, version {} (g++ {}, speaks the API of Prometheus 3.5)", TIDEMARK_VERSION, __VERSION__);
}

std::optional<int> parse_server_options(int argc, const char* const* argv, ServerOptions& options) {
  options.config_file = "tidemark.yml";
  options.listen_addresses = {"0.0.0.0:9090"};
  options.connections_max = 512;
  options.read_timeout_ms = 300'000;
  options.storage.path = "data/";

  RawFlags raw;
  raw.future_tolerance_ms = options.storage.future_tolerance_ms;
  raw.samples_max = static_cast<int64_t>(options.engine.samples_max);
  raw.concurrency_max = options.engine.concurrency_max;
  raw.threads_max = std::max(1u, std::thread::hardware_concurrency());
  config::Flags flags("tidemark",
                      "Scrapes targets, keeps their samples, answers PromQL over HTTP and sends alerts.\n"
                      "Tools: tidemark check config FILE..., tidemark check rules FILE..., tidemark tsdb COMMAND.");
  declare(flags, options, raw);
  if (const auto exit_code = flags.parse(argc, argv, version_text())) return exit_code;

  Status status = read_sizes(raw, options);
  if (status.ok()) status = check_ranges(raw, options);
  if (!status.ok()) {
    std::fprintf(stderr, "tidemark: error: %s\n", status.message().c_str());
    return 1;
  }
  options.storage.sync = sync_policy(raw.sync);
  options.storage.future_tolerance_ms = raw.future_tolerance_ms;
  options.engine.samples_max = static_cast<size_t>(raw.samples_max);
  options.engine.concurrency_max = static_cast<unsigned>(raw.concurrency_max);
  options.engine.threads_max = static_cast<unsigned>(raw.threads_max);
  options.log_level = *parse_log_level(raw.log_level);
  options.log_format = *parse_log_format(raw.log_format);
  options.flags = flags.values();
  read_features(raw.features, options);
  for (const char* name : {"storage.tsdb.retention.time", "storage.tsdb.retention.size"}) {
    if (flags.given(name)) {
      options.warnings.push_back(
          fmt::format("--{} is deprecated; set storage.tsdb.retention in the configuration file instead", name));
    }
  }
  return std::nullopt;
}

}  // namespace tidemark
