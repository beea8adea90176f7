#include "exporter/cgroup/container_names.h"

#include <array>

#include "config/yaml_reader.h"
#include "exporter/directory.h"

namespace tidemark::exporter {
namespace {

constexpr size_t kLogsMax = 100'000;
constexpr std::string_view kLogSuffix = ".log";

// The keys that lead to a string, outermost first; "" after the last. Three are enough for all that is read here.
using JsonPath = std::array<std::string_view, 3>;

// What a runtime writes, member by member. Of two for the same target the later counts.
struct Member {
  JsonPath path;
  std::string ContainerInfo::*target;
};

const Member kMembers[] = {
    // containerd's CRI plugin.
    {{"annotations", "io.kubernetes.cri.podsandbox.image-name"}, &ContainerInfo::image},
    {{"annotations", "io.kubernetes.cri.image-name"}, &ContainerInfo::image},
    {{"annotations", "io.kubernetes.cri.container-name"}, &ContainerInfo::container},
    {{"annotations", "io.kubernetes.cri.sandbox-name"}, &ContainerInfo::pod},
    {{"annotations", "io.kubernetes.cri.sandbox-namespace"}, &ContainerInfo::pod_namespace},
    // CRI-O.
    {{"annotations", "io.kubernetes.cri-o.ImageName"}, &ContainerInfo::image},
    {{"annotations", "io.kubernetes.container.name"}, &ContainerInfo::container},
    {{"annotations", "io.kubernetes.pod.name"}, &ContainerInfo::pod},
    {{"annotations", "io.kubernetes.pod.namespace"}, &ContainerInfo::pod_namespace},
    // Docker, and Kubernetes on top of it.
    {{"Config", "Image"}, &ContainerInfo::image},
    {{"Config", "Labels", "io.kubernetes.container.name"}, &ContainerInfo::container},
    {{"Config", "Labels", "io.kubernetes.pod.name"}, &ContainerInfo::pod},
    {{"Config", "Labels", "io.kubernetes.pod.namespace"}, &ContainerInfo::pod_namespace},
    {{"Name"}, &ContainerInfo::name},
};
const std::pair<JsonPath, std::string_view> kSandboxes[] = {
    {{"annotations", "io.kubernetes.cri.container-type"}, "sandbox"},
    {{"annotations", "io.kubernetes.cri-o.ContainerType"}, "sandbox"},
    {{"Config", "Labels", "io.kubernetes.docker.type"}, "podsandbox"},
};

// "" where there is no string.
std::string string_at(config::YamlMap map, const JsonPath& path) {
  for (size_t i = 0; i + 1 < path.size() && !path[i + 1].empty(); ++i) {
    const config::YamlValue inner = map.get(path[i]);
    if (!inner.is_map()) return {};
    map = inner.map();
  }
  const std::string_view last = path[2].empty() ? path[1].empty() ? path[0] : path[1] : path[2];
  const config::YamlValue value = map.get(last);
  return value.is_scalar() ? value.string() : std::string();
}

// False when `text`, JSON and so YAML, is not whole: it is being written. What it does not say of `info` stays.
bool read_config(std::string_view text, const std::string& path, ContainerInfo& info) {
  config::YamlFile file = config::YamlFile::parse(text, path);
  if (!file.ok() || !file.root().is_map()) return false;
  const config::YamlMap root = file.root().map();
  ContainerInfo found;
  for (const Member& member : kMembers) {
    if (std::string value = string_at(root, member.path); !value.empty()) found.*member.target = std::move(value);
  }
  for (const auto& [where, word] : kSandboxes) found.is_sandbox |= string_at(root, where) == word;
  const bool has_name = found.name.starts_with('/');
  if (!has_name && found.image.empty() && found.pod.empty()) return true;
  info.is_named = true;
  if (found.is_sandbox) found.container.clear();
  if (has_name) info.name = found.name.substr(1);
  info.image = found.image;
  info.is_sandbox = found.is_sandbox;
  if (!found.pod.empty()) {
    info.container = found.container;
    info.pod = found.pod;
    info.pod_namespace = found.pod_namespace;
  }
  return true;
}

}  // namespace

void ContainerNames::begin() {
  ++scan_;
  log_names_read_ = false;
}

void ContainerNames::finish() {
  std::erase_if(known_, [&](const auto& one) { return one.second.scan != scan_; });
  log_names_.clear();
}

const ContainerInfo& ContainerNames::find(std::string_view id, ScrapeContext& context) {
  const auto [at, is_new] = known_.try_emplace(std::string(id));
  Known& known = at->second;
  known.scan = scan_;
  if (is_new) known.info.name = id;
  ContainerInfo& info = known.info;
  if (info.is_named && (!info.image.empty() || info.is_sandbox)) return info;
  if (!known.config_read) known.config_read = read_configs(at->first, context, info);
  if (info.pod.empty() && !info.is_sandbox) find_log_name(at->first, info);
  return info;
}

void ContainerNames::read_log_names() {
  if (log_names_read_) return;
  log_names_read_ = true;
  for (const std::string& name : Directory(rootfs_ + "/var/log/containers").names(kLogsMax)) {
    // The id has no "-", names of containers may.
    const size_t dash = name.rfind('-');
    if (dash == name.npos || !name.ends_with(kLogSuffix) || name.size() < dash + 1 + kLogSuffix.size()) continue;
    log_names_.try_emplace(name.substr(dash + 1, name.size() - dash - 1 - kLogSuffix.size()), name.substr(0, dash));
  }
}

bool ContainerNames::read_configs(const std::string& id, ScrapeContext& context, ContainerInfo& info) const {
  for (const std::string& path :
       {rootfs_ + "/run/containerd/io.containerd.runtime.v2.task/k8s.io/" + id + "/config.json",
        rootfs_ + "/run/containers/storage/overlay-containers/" + id + "/userdata/config.json",
        rootfs_ + "/var/lib/docker/containers/" + id + "/config.v2.json"}) {
    const auto text = context.read_once(path);
    if (text && read_config(*text, path, info)) return true;
  }
  return false;
}

void ContainerNames::find_log_name(const std::string& id, ContainerInfo& info) {
  read_log_names();
  const auto at = log_names_.find(id);
  if (at == log_names_.end()) return;
  // "_" is in no name of Kubernetes'.
  const std::string_view name = at->second;
  const size_t pod_end = name.find('_');
  const size_t namespace_end = pod_end == name.npos ? name.npos : name.find('_', pod_end + 1);
  if (namespace_end == name.npos) return;
  info.pod = name.substr(0, pod_end);
  info.pod_namespace = name.substr(pod_end + 1, namespace_end - pod_end - 1);
  info.container = name.substr(namespace_end + 1);
  info.is_named = true;
}

}  // namespace tidemark::exporter
