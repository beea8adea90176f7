// What the path of a cgroup says about it, as container runtimes and systemd name them:
//
//   /system.slice/nginx.service                                       a service
//   /user.slice/user-1000.slice/session-3.scope                       a scope
//   /kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1a2b_...slice     a pod; systemd writes "_" for "-"
//   /kubepods.slice/.../cri-containerd-<id>.scope                     a container in it (crio-<id>, docker-<id>)
//   /kubepods/burstable/pod1a2b-.../<id>                              the same by the cgroupfs driver
//   /system.slice/docker-<id>.scope, /docker/<id>                     a container of Docker's
//   /machine.slice/libpod-<id>.scope                                  one of Podman's
//
// An id is 64 hexadecimal digits. Slices, and what a container makes of its own part of the tree, are kOther.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace tidemark::exporter {

enum class CgroupKind : uint8_t { kOther, kService, kScope, kPod, kContainer };

struct CgroupName {
  CgroupKind kind = CgroupKind::kOther;
  std::string container_id;  // Of a container.
  std::string pod_uid;       // Of a pod, and of a container in one: with "-", as Kubernetes writes it.
};

CgroupName parse_cgroup_path(std::string_view path);

// Calls `on_cgroup` with the path below `root` ("/a/b") of each cgroup, parents first and in the order of their names;
// it answers whether to look below that one. Stops after `cgroups_max`; returns whether that was everything.
using OnCgroup = std::function<bool(const std::string& path)>;
bool walk_cgroups(const std::string& root, size_t cgroups_max, const OnCgroup& on_cgroup);

}  // namespace tidemark::exporter
