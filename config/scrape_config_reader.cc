#include "config/scrape_config_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "config/http_client_config.h"
#include "config/relabel_config.h"
#include "config/target_groups.h"

namespace tidemark::config {
namespace {

void read_timing(YamlMap& map, const GlobalConfig& global, ScrapeConfig& job) {
  // As in Prometheus, 0 is the same as nothing.
  const int64_t interval_ms = map.duration_ms("scrape_interval", 0);
  job.interval_ms = interval_ms != 0 ? interval_ms : global.scrape_interval_ms;
  const YamlValue timeout = map.get("scrape_timeout");
  const int64_t timeout_ms = timeout.duration_ms(0);
  if (timeout_ms > job.interval_ms) timeout.error("must not be longer than the scrape interval");
  job.timeout_ms = std::min(timeout_ms != 0 ? timeout_ms : global.scrape_timeout_ms, job.interval_ms);
}

void read_request(YamlMap& map, ScrapeConfig& job) {
  job.metrics_path = map.string("metrics_path", job.metrics_path);
  if (!job.metrics_path.starts_with('/')) job.metrics_path.insert(0, 1, '/');
  job.scheme = read_scheme(map);
  for (const YamlEntry& entry : map.get("params").entries()) job.params.emplace_back(entry.key, entry.value.strings());
  job.enable_compression = map.boolean("enable_compression", true);
}

ScrapeConfig read_job(const YamlValue& value, const GlobalConfig& global, const std::string& folder) {
  YamlMap map = value.map();
  ScrapeConfig job;
  const YamlValue name = map.required("job_name");
  job.job_name = name.string();
  if (name.present() && job.job_name.empty()) name.error("must not be empty");
  read_timing(map, global, job);
  read_request(map, job);
  job.http = read_http_client(map, folder);
  job.honor_labels = map.boolean("honor_labels", false);
  job.honor_timestamps = map.boolean("honor_timestamps", true);
  job.track_timestamps_staleness = map.boolean("track_timestamps_staleness", false);
  job.limits = read_scrape_limits(map, global.limits);
  read_scrape_formats(map);
  map.ignored({"native_histogram_bucket_limit", "native_histogram_min_bucket_factor"});
  job.relabel_configs = read_relabel_configs(map.get("relabel_configs"));
  job.metric_relabel_configs = read_relabel_configs(map.get("metric_relabel_configs"));
  job.static_configs = read_static_configs(map.get("static_configs"), !job.relabel_configs.empty());
  job.file_sd_configs = read_file_sd_configs(map.get("file_sd_configs"), folder);
  job.dns_sd_configs = read_dns_sd_configs(map.get("dns_sd_configs"));
  refuse_other_discovery(map);
  map.finish();
  return job;
}

}  // namespace

std::string read_scheme(YamlMap& map) {
  const YamlValue value = map.get("scheme");
  std::string scheme = value.string("http");
  if (scheme != "http" && scheme != "https") {
    value.error(fmt::format("must be http or https, got {}", quote_value(scheme)));
  }
  return scheme;
}

ScrapeLimits read_scrape_limits(YamlMap& map, const ScrapeLimits& defaults) {
  const auto count = [&](std::string_view key, uint64_t fallback) {
    const auto limit = static_cast<uint64_t>(map.integer(key, 0));
    return limit != 0 ? limit : fallback;  // As in Prometheus, 0 is the same as nothing.
  };
  ScrapeLimits limits;
  limits.body_size_bytes = map.size_bytes("body_size_limit", 0);
  if (limits.body_size_bytes == 0) limits.body_size_bytes = defaults.body_size_bytes;
  limits.samples = count("sample_limit", defaults.samples);
  limits.labels = count("label_limit", defaults.labels);
  limits.label_name_bytes = count("label_name_length_limit", defaults.label_name_bytes);
  limits.label_value_bytes = count("label_value_length_limit", defaults.label_value_bytes);
  limits.targets = count("target_limit", defaults.targets);
  map.ignored({"keep_dropped_targets"});
  return limits;
}

void read_scrape_formats(YamlMap& map) {
  const auto known = [](std::string_view name) {
    for (const std::string_view protocol : {"PrometheusProto", "OpenMetricsText0.0.1", "OpenMetricsText1.0.0",
                                            "PrometheusText1.0.0", "PrometheusText0.0.4"}) {
      if (name == protocol) return true;
    }
    return false;
  };
  const YamlValue protocols = map.get("scrape_protocols");
  bool text = !protocols.present();
  for (const std::string& name : protocols.strings()) {
    text = text || name.starts_with("PrometheusText");
    if (!known(name)) protocols.error(fmt::format("has an unknown protocol {}", quote_value(name)));
  }
  if (!text) protocols.error("must name PrometheusText0.0.4: other formats are not supported yet");
  const YamlValue fallback = map.get("fallback_scrape_protocol");
  if (const std::string name = fallback.string("PrometheusText0.0.4"); !known(name)) {
    fallback.error(fmt::format("has an unknown protocol {}", quote_value(name)));
  } else if (!name.starts_with("PrometheusText")) {
    fallback.error("must be PrometheusText0.0.4: other formats are not supported yet");
  }
  map.unsupported_if_true({"scrape_native_histograms", "convert_classic_histograms_to_nhcb", "extra_scrape_metrics"});
  map.boolean("always_scrape_classic_histograms", true);  // Both are what happens anyhow.
  map.boolean("scrape_classic_histograms", true);
  map.ignored({"scrape_failure_log_file"});
  const auto one_of = [&](std::string_view key, std::initializer_list<std::string_view> names, std::string_view ours) {
    const YamlValue value = map.get(key);
    const std::string name = value.string();
    if (name.empty() || name == ours) return;
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      value.error(fmt::format("must be one of {}, got {}", fmt::join(names, ", "), quote_value(name)));
    } else {
      value.warn(fmt::format("has no effect here: it is always {}", ours));
    }
  };
  one_of("metric_name_validation_scheme", {"utf8", "legacy"}, "utf8");
  one_of("metric_name_escaping_scheme", {"allow-utf-8", "underscores", "dots", "values"}, "allow-utf-8");
}

void refuse_other_discovery(YamlMap& map) {
  map.unsupported(
      {"aws_sd_configs",         "azure_sd_configs",       "consul_sd_configs",    "digitalocean_sd_configs",
       "docker_sd_configs",      "dockerswarm_sd_configs", "ec2_sd_configs",       "ecs_sd_configs",
       "elasticache_sd_configs", "eureka_sd_configs",      "gce_sd_configs",       "hetzner_sd_configs",
       "http_sd_configs",        "huawei_sd_configs",      "ionos_sd_configs",     "kubernetes_sd_configs",
       "kuma_sd_configs",        "lightsail_sd_configs",   "linode_sd_configs",    "marathon_sd_configs",
       "msk_sd_configs",         "nerve_sd_configs",       "nomad_sd_configs",     "oci_sd_configs",
       "openstack_sd_configs",   "outscale_sd_configs",    "ovhcloud_sd_configs",  "puppetdb_sd_configs",
       "rds_sd_configs",         "scaleway_sd_configs",    "serverset_sd_configs", "stackit_sd_configs",
       "triton_sd_configs",      "uyuni_sd_configs",       "vultr_sd_configs",     "xds_sd_configs"});
}

std::vector<ScrapeConfig> read_scrape_configs(const YamlValue& list, const GlobalConfig& global,
                                              const std::string& folder) {
  std::vector<ScrapeConfig> jobs;
  std::map<std::string, int, std::less<>> lines;
  for (const YamlValue& item : list.items()) {
    jobs.push_back(read_job(item, global, folder));
    const std::string& name = jobs.back().job_name;
    if (name.empty()) continue;
    const YamlValue value = item.map().get("job_name");
    if (const auto [first, inserted] = lines.try_emplace(name, value.line()); !inserted) {
      value.error(fmt::format("must be unique: {} is also in line {}", quote_value(name), first->second));
    }
  }
  return jobs;
}

}  // namespace tidemark::config
