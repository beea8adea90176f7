// What services and containers use: the control groups (cgroup v2) of systemd's units, of pods and of containers, under
// cAdvisor's names and labels, so that dashboards and rules of kubernetes-mixin work. Shown are *.service, *.scope,
// pods and containers, or what --collector.cgroup.path-include says; what a container makes below its own cgroup is
// not.
//
// A container's names come from files (cgroup/container_names.h). Where they cannot be read its series still appear,
// with its id as "name" and the other labels empty, and tidemark_cgroup_unresolved_containers counts it.
//
// Network counters belong to a namespace, not to a cgroup: they are read from /proc/<pid>/net/dev of one process for
// each pod and shown with the labels of its sandbox, or of the pod's cgroup when the sandbox is not known; and of one
// for each container that is in no pod. What shares the host's network has none.
#include <fmt/format.h>
#include <unistd.h>

#include "exporter/cgroup/cgroup_metrics.h"
#include "exporter/cgroup/cgroup_path.h"
#include "exporter/cgroup/container_names.h"
#include "exporter/collectors/collectors.h"
#include "exporter/deadline.h"
#include "exporter/device_metrics.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

constexpr size_t kWalkedMax = 20'000;  // Cgroups looked at, shown or not.
constexpr int64_t kShownMax = 20'000;

struct Found {
  std::string path;  // Also the label "id".
  CgroupName name;
  ContainerInfo info;  // Of a container.
};

struct Pod {
  std::string name;
  std::string pod_namespace;
  const Found* cgroup = nullptr;
  const Found* sandbox = nullptr;
  const Found* container = nullptr;  // Any.
};

// The names of a namespace's interfaces, to tell one from another where more is not allowed to be known.
std::vector<std::string_view> interfaces(std::string_view net_dev) {
  std::vector<std::string_view> out;
  while (!net_dev.empty()) {
    const std::string_view line = next_line(net_dev);
    if (const size_t colon = line.rfind(':'); colon != line.npos) out.push_back(trimmed(line.substr(0, colon)));
  }
  return out;
}

class Cgroup final : public Collector {
 public:
  Cgroup(const CollectorConfig& config, NameFilter paths)
      : root_(config.sysfs + "/fs/cgroup"),
        sysfs_(config.sysfs),
        procfs_(config.procfs),
        shown_max_(static_cast<size_t>(config.cgroup.count_max)),
        by_path_(!config.cgroup.paths.include.empty()),
        paths_(std::move(paths)),
        names_(config.rootfs == "/" ? "" : config.rootfs) {}

  Status collect(ScrapeContext& context, Families& out) override {
    const auto controllers = context.read_kept(root_ + "/cgroup.controllers");
    if (!controllers)
      return Status::io(fmt::format("{}; this collector needs cgroup v2 alone (systemd.unified_cgroup_hierarchy=1)",
                                    controllers.error().message()));
    std::vector<Found> found;
    uint64_t dropped = 0;
    if (Status status = walk(context, found, dropped); !status.ok()) return status;
    Unresolved unresolved;
    std::map<std::string_view, Pod> pods = resolve(context, found, unresolved);
    CgroupMetrics metrics(out, sysfs_);
    for (const Found& one : found) {
      if (const Status status = check_deadline(context); !status.ok()) return status.at(root_ + one.path);
      const Directory directory(root_ + one.path);
      if (directory.exists()) metrics.add(directory, labels(one, pods));
    }
    add_networks(found, pods, metrics);
    add_sample(add_gauge(out, "tidemark_cgroup_cgroups", "Control groups that are shown."),
               static_cast<double>(found.size()));
    add_sample(add_gauge(out, "tidemark_cgroup_dropped_cgroups",
                         "Control groups that are not shown because there are more than may be."),
               static_cast<double>(dropped));
    auto& missing = add_gauge(out, "tidemark_cgroup_unresolved_containers",
                              "Containers of which something could not be found out.");
    add_sample(missing, static_cast<double>(unresolved.images), {{"what", "image"}});
    add_sample(missing, static_cast<double>(unresolved.names), {{"what", "name"}});
    return {};
  }

 private:
  struct Unresolved {
    uint64_t names = 0;
    uint64_t images = 0;
  };

  Status walk(const ScrapeContext& context, std::vector<Found>& found, uint64_t& dropped) const {
    Status status;
    const bool all = walk_cgroups(root_, kWalkedMax, [&](const std::string& path) {
      if (!status.ok()) return false;
      status = check_deadline(context);
      CgroupName name = parse_cgroup_path(path);
      const bool is_container = name.kind == CgroupKind::kContainer;
      if ((by_path_ || name.kind != CgroupKind::kOther) && paths_.shows(path)) {
        if (found.size() < shown_max_) {
          found.push_back({path, std::move(name), {}});
        } else {
          ++dropped;
        }
      }
      return !is_container;
    });
    if (!status.ok()) return status.at(root_);
    if (!all) ++dropped;  // At least one.
    return {};
  }

  // Finds out what containers are called, and from them what pods are.
  std::map<std::string_view, Pod> resolve(ScrapeContext& context, std::vector<Found>& found, Unresolved& unresolved) {
    std::map<std::string_view, Pod> pods;
    names_.begin();
    for (Found& one : found) {
      if (one.name.kind == CgroupKind::kContainer) {
        one.info = names_.find(one.name.container_id, context);
        // A sandbox needs no image: nothing runs in it.
        unresolved.images += one.info.image.empty() && !one.info.is_sandbox;
        unresolved.names += !one.info.is_named;
      }
      if (one.name.pod_uid.empty()) continue;
      Pod& pod = pods[one.name.pod_uid];
      if (one.name.kind == CgroupKind::kPod) {
        pod.cgroup = &one;
        continue;
      }
      (one.info.is_sandbox ? pod.sandbox : pod.container) = &one;
      if (pod.name.empty()) {
        pod.name = one.info.pod;
        pod.pod_namespace = one.info.pod_namespace;
      }
    }
    names_.finish();
    return pods;
  }

  static CgroupLabels labels(const Found& one, const std::map<std::string_view, Pod>& pods) {
    CgroupLabels out{one.info.container, one.path, one.info.image, one.info.name, one.info.pod_namespace, one.info.pod};
    if (const auto pod = pods.find(one.name.pod_uid); pod != pods.end()) {
      out.pod = pod->second.name;
      out.pod_namespace = pod->second.pod_namespace;
    }
    return out;
  }

  void add_networks(const std::vector<Found>& found, const std::map<std::string_view, Pod>& pods,
                    CgroupMetrics& metrics) const {
    const Directory proc(procfs_);
    const Host host = read_host(proc);
    for (const auto& [uid, pod] : pods) {
      const Found* member = pod.sandbox != nullptr ? pod.sandbox : pod.container;
      const Found* named = pod.sandbox != nullptr ? pod.sandbox : pod.cgroup != nullptr ? pod.cgroup : pod.container;
      if (member != nullptr) add_network(*member, host, proc, labels(*named, pods), metrics);
    }
    for (const Found& one : found) {
      if (one.name.kind == CgroupKind::kContainer && one.name.pod_uid.empty())
        add_network(one, host, proc, labels(one, pods), metrics);
    }
  }

  // The namespace of the first process, which is the host's.
  struct Host {
    std::string network;  // "net:[4026531840]"; "" where it may not be known.
    std::string net_dev;
  };
  static Host read_host(const Directory& proc) {
    std::array<char, kNetDevBytes> buffer;
    Host out;
    out.network = proc.link_name("1/ns/net");
    if (const auto text = proc.read("1/net/dev", buffer)) out.net_dev = *text;
    return out;
  }

  void add_network(const Found& one, const Host& host, const Directory& proc, const CgroupLabels& labels,
                   CgroupMetrics& metrics) const {
    std::array<char, kNetDevBytes> buffer;
    const auto pids = Directory(root_ + one.path).read("cgroup.procs", buffer);
    if (!pids || pids->empty()) return;
    std::string_view rest = *pids;
    const std::string pid(next_line(rest));
    if (pid == "0" || !to_u64(pid)) return;  // 0: it is outside our PID namespace.
    const auto net_dev = proc.read(pid + "/net/dev", buffer);
    if (!net_dev) return;
    const std::string network = proc.link_name(pid + "/ns/net");
    const bool is_host = network.empty() || host.network.empty() ? interfaces(*net_dev) == interfaces(host.net_dev)
                                                                 : network == host.network;
    if (!is_host) metrics.add_network(*net_dev, labels);
  }

  static constexpr size_t kNetDevBytes = 16'384;  // Some hundred interfaces.

  const std::string root_;
  const std::string sysfs_;
  const std::string procfs_;
  const size_t shown_max_;
  const bool by_path_;  // An expression says what is shown, whatever it is.
  const NameFilter paths_;
  ContainerNames names_;
};

}  // namespace

void declare_cgroup_flags(CollectorFlags& flags, CollectorConfig& config) {
  flags.add("cgroup.count-max", &config.cgroup.count_max, "How many control groups to show at most.");
  flags.add_filter("cgroup.path", &config.cgroup.paths, "paths of control groups, as \"/system.slice/ssh.service\",");
}

CollectorResult make_cgroup(const CollectorConfig& config) {
  if (config.cgroup.count_max < 1 || config.cgroup.count_max > kShownMax)
    return fail(Status::invalid(
        fmt::format("--collector.cgroup.count-max is {}, it must be 1 to {}", config.cgroup.count_max, kShownMax)));
  auto paths = NameFilter::compile(config.cgroup.paths);
  if (!paths) return fail(paths.error());
  return std::make_unique<Cgroup>(config, std::move(*paths));
}

}  // namespace tidemark::exporter
