#include "config/target_groups.h"

#include <fmt/format.h>
#include <strings.h>

#include <string_view>

#include "config/file_path.h"

namespace tidemark::config {
namespace {

// Prometheus reads these endings only, and wildcards in the last part of the path only.
bool is_target_file_pattern(std::string_view name) {
  bool ending = false;
  for (const std::string_view wanted : {".json", ".yml", ".yaml", ".JSON", ".YML", ".YAML"}) {
    ending = ending || name.ends_with(wanted);
  }
  const size_t star = name.find('*');
  return ending && (star == std::string_view::npos || name.find('/', star) == std::string_view::npos);
}

TargetGroup read_group(const YamlValue& value, bool relabelled) {
  YamlMap map = value.map();
  TargetGroup group;
  const YamlValue targets = map.get("targets");
  group.targets = targets.strings();
  for (const std::string& target : group.targets) {
    if (target.empty()) {
      targets.error("has an empty target");
    } else if (!relabelled && target.find('/') != std::string::npos) {
      targets.error(fmt::format("must be of the form host:port, without scheme or path, got {}", quote_value(target)));
    }
  }
  group.labels = map.get("labels").labels();
  map.finish();
  return group;
}

// SRV, A or AAAA, in either case, as in Prometheus.
DnsRecordType read_record_type(const YamlValue& value) {
  const std::string text = value.string("SRV");
  const auto is = [&](std::string_view type) { return strcasecmp(text.c_str(), type.data()) == 0; };
  if (is("SRV")) return DnsRecordType::kSrv;
  if (is("A")) return DnsRecordType::kA;
  if (is("AAAA")) return DnsRecordType::kAaaa;
  if (is("MX") || is("NS")) {
    value.error(fmt::format("{} is not supported yet: use SRV, A or AAAA", text));
  } else {
    value.error(fmt::format("must be SRV, A or AAAA, got {}", quote_value(text)));
  }
  return DnsRecordType::kSrv;
}

}  // namespace

std::vector<TargetGroup> read_static_configs(const YamlValue& list, bool relabelled) {
  std::vector<TargetGroup> groups;
  for (const YamlValue& item : list.items()) groups.push_back(read_group(item, relabelled));
  return groups;
}

std::vector<FileSdConfig> read_file_sd_configs(const YamlValue& list, const std::string& folder) {
  std::vector<FileSdConfig> configs;
  for (const YamlValue& item : list.items()) {
    YamlMap map = item.map();
    FileSdConfig config;
    const YamlValue files = map.required("files");
    for (const std::string& name : files.strings()) {
      if (!is_target_file_pattern(name)) {
        files.error(fmt::format("must end in .json, .yml or .yaml, with \"*\" after the last \"/\" only, got {}",
                                quote_value(name)));
      }
      config.files.push_back(resolve_path(folder, name));
    }
    if (files.present() && config.files.empty()) files.error("must name at least one file");
    const YamlValue interval = map.get("refresh_interval");
    config.refresh_interval_ms = interval.duration_ms(config.refresh_interval_ms);
    if (config.refresh_interval_ms == 0) interval.error("must be above 0");
    map.finish();
    configs.push_back(std::move(config));
  }
  return configs;
}

std::vector<DnsSdConfig> read_dns_sd_configs(const YamlValue& list) {
  std::vector<DnsSdConfig> configs;
  for (const YamlValue& item : list.items()) {
    YamlMap map = item.map();
    DnsSdConfig config;
    const YamlValue names = map.required("names");
    config.names = names.strings();
    for (const std::string& name : config.names) {
      if (name.empty()) names.error("has an empty name");
    }
    if (names.present() && config.names.empty()) names.error("must name at least one record");
    config.type = read_record_type(map.get("type"));
    const YamlValue port = map.get("port");
    config.port = static_cast<uint16_t>(port.integer(0, 0, 65'535));
    if (config.type != DnsRecordType::kSrv && !port.present()) {
      port.error("is missing in dns_sd_configs: records of type A and AAAA have none");
    } else if (config.type != DnsRecordType::kSrv && config.port == 0) {
      port.error("must be above 0 for records of type A and AAAA");
    }
    const YamlValue interval = map.get("refresh_interval");
    config.refresh_interval_ms = interval.duration_ms(config.refresh_interval_ms);
    if (config.refresh_interval_ms == 0) interval.error("must be above 0");
    map.finish();
    configs.push_back(std::move(config));
  }
  return configs;
}

Result<std::vector<TargetGroup>> load_target_groups(const std::string& path) {
  YamlFile file = YamlFile::load(path);
  std::vector<TargetGroup> groups = read_static_configs(file.root(), true);
  if (!file.ok()) return fail(file.status());
  return groups;
}

}  // namespace tidemark::config
