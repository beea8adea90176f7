// ContainerNames: what a container's id stands for. A cgroup's path has nothing but the id; its names are read from
// what the kubelet and the runtimes leave on disk, below the host's root file system:
//
//   /var/log/containers/<pod>_<namespace>_<container>-<id>.log                       any Kubernetes
//   /run/containerd/io.containerd.runtime.v2.task/k8s.io/<id>/config.json            annotations io.kubernetes.cri.*
//   /run/containers/storage/overlay-containers/<id>/userdata/config.json             CRI-O: io.kubernetes.*
//   /var/lib/docker/containers/<id>/config.v2.json                                   Docker
//
// All but the first are for root only as a rule. Nothing is asked over a socket, and nothing is run.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "exporter/scrape_context.h"

namespace tidemark::exporter {

struct ContainerInfo {
  std::string name;   // Docker's own; else the id, as cAdvisor has it.
  std::string image;  // "" when it could not be read; so are these where there is no pod:
  std::string container;
  std::string pod;
  std::string pod_namespace;
  bool is_sandbox = false;  // It holds a pod's network namespace and does nothing else.
  bool is_named = false;    // Something told what it is.
};

// One thread.
class ContainerNames {
 public:
  explicit ContainerNames(std::string rootfs) : rootfs_(std::move(rootfs)) {}

  // Brackets one scrape. What was not found is looked for again in the next, what was not asked for is forgotten.
  void begin();
  const ContainerInfo& find(std::string_view id, ScrapeContext& context);
  void finish();

 private:
  struct Known {
    ContainerInfo info;
    bool config_read = false;  // Whole. It does not change, and parsing it takes a millisecond.
    uint64_t scan = 0;
  };

  void read_log_names();
  // Whether one of the runtimes' files was there and whole.
  bool read_configs(const std::string& id, ScrapeContext& context, ContainerInfo& info) const;
  void find_log_name(const std::string& id, ContainerInfo& info);

  const std::string rootfs_;
  std::unordered_map<std::string, Known> known_;            // By id.
  std::unordered_map<std::string, std::string> log_names_;  // "<pod>_<namespace>_<container>" by id.
  bool log_names_read_ = false;                             // In this scrape.
  uint64_t scan_ = 0;
};

}  // namespace tidemark::exporter
