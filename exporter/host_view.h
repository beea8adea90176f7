// HostView: whether the exporter looks at the host or at its own container. A container's /proc shows the container's
// processes and, without the host's network namespace, its interfaces; half of the page would then silently be about
// the container.
//
// The kernel's thread daemon is process 2 of the initial PID namespace and of no other, so a procfs that shows
// "kthreadd" there is the host's. One that hides other users' processes (hidepid) does not show it; then it is the
// host's if this process is in the initial namespace itself, which has a fixed number.
#pragma once

#include <string>

namespace tidemark::exporter {

struct HostView {
  bool in_container = false;  // This process is in a PID namespace of its own, or a container runtime left its mark.
  bool procfs_is_hosts = true;

  std::string warning(const std::string& procfs) const;  // "" when all is well.
};

// `procfs` as --path.procfs. Looks at the process's own /proc and root directory too.
HostView look_at_host(const std::string& procfs);

// The decision alone. `own_namespace`: what /proc/self/ns/pid points to; `second_name`: the name of process 2 in
// procfs, "" when it cannot be seen; `is_own`: procfs is this process's own /proc; `marked`: by a container runtime.
HostView judge_host(const std::string& own_namespace, const std::string& second_name, bool is_own, bool marked);

}  // namespace tidemark::exporter
