#include "exporter/host_view.h"

#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exporter/directory.h"

namespace tidemark::exporter {
namespace {

// PROC_PID_INIT_INO of the kernel's include/linux/proc_ns.h.
constexpr const char* kInitialPidNamespace = "pid:[4026531836]";

bool exists(const char* path) { return ::access(path, F_OK) == 0; }

bool same_file(const std::string& a, const std::string& b) {
  struct stat of_a {};
  struct stat of_b {};
  return ::stat(a.c_str(), &of_a) == 0 && ::stat(b.c_str(), &of_b) == 0 && of_a.st_dev == of_b.st_dev;
}

}  // namespace

HostView judge_host(const std::string& own_namespace, const std::string& second_name, bool is_own, bool marked) {
  const bool own_is_initial = own_namespace == kInitialPidNamespace;
  HostView view;
  view.in_container = marked || (!own_namespace.empty() && !own_is_initial);
  view.procfs_is_hosts = second_name == "kthreadd" || (second_name.empty() && is_own && own_is_initial);
  return view;
}

HostView look_at_host(const std::string& procfs) {
  char own[64] = "";
  if (::readlink("/proc/self/ns/pid", own, sizeof own - 1) < 0) own[0] = '\0';
  const bool marked =
      exists("/.dockerenv") || exists("/run/.containerenv") || ::getenv("KUBERNETES_SERVICE_HOST") != nullptr;
  return judge_host(own, Directory(procfs + "/2").text("comm").value_or(""), same_file(procfs, "/proc"), marked);
}

std::string HostView::warning(const std::string& procfs) const {
  if (procfs_is_hosts) return {};
  return fmt::format(
      "{} is a container's, not the host's: processes, load and network are the container's. Mount the "
      "host's /proc and name it with --path.procfs, or run in the host's PID namespace (hostPID)",
      procfs);
}

}  // namespace tidemark::exporter
