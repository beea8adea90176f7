#include "exporter/collectors/cpu_topology.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "exporter/cpu_list.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {

CpuTopology::CpuTopology(const std::string& sysfs)
    : root_(sysfs + "/devices/system/cpu"), online_path_(root_ + "/online"), isolated_path_(root_ + "/isolated") {}

void CpuTopology::collect(ScrapeContext& context, Families& out) {
  const auto online = context.read_kept(online_path_, FileKind::kOnePiece);
  if (!online) return;
  if (*online != online_) learn(context, std::string(*online));
  add_throttles(context, cores_,
                add_counter(out, "node_cpu_core_throttles_total", "Times a core was slowed down because of heat."));
  add_throttles(
      context, packages_,
      add_counter(out, "node_cpu_package_throttles_total", "Times a package was slowed down because of heat."));
  auto& is_online = add_gauge(out, "node_cpu_online", "Whether the CPU is online.");
  for (const auto& [cpu, on] : can_be_online_) add_sample(is_online, on ? 1 : 0, {{"cpu", cpu}});
  const auto isolated = context.read_kept(isolated_path_, FileKind::kOnePiece);
  if (!isolated || trimmed(*isolated).empty()) return;
  auto& is_isolated = add_gauge(out, "node_cpu_isolated", "CPUs kept free from the scheduler's balancing.");
  for (const uint32_t cpu : parse_cpu_list(*isolated)) add_sample(is_isolated, 1, {{"cpu", std::to_string(cpu)}});
}

void CpuTopology::add_throttles(ScrapeContext& context, const std::vector<Throttle>& throttles, Family& family) {
  for (const Throttle& one : throttles) {
    const auto text = context.read_kept(one.path, FileKind::kOnePiece);
    const auto count = text ? to_u64(trimmed(*text)) : std::nullopt;
    if (!count) continue;
    if (one.core.empty()) {
      add_sample(family, static_cast<double>(*count), {{"package", one.package}});
    } else {
      add_sample(family, static_cast<double>(*count), {{"core", one.core}, {"package", one.package}});
    }
  }
}

void CpuTopology::learn(ScrapeContext& context, std::string online) {
  cores_.clear();
  packages_.clear();
  can_be_online_.clear();
  const std::vector<uint32_t> cpus = parse_cpu_list(online);
  std::set<std::pair<uint64_t, uint64_t>> cores_seen;
  std::set<uint64_t> packages_seen;
  const auto number = [&](const std::string& path) {
    const auto text = context.read_once(path);
    return text ? to_u64(trimmed(*text)) : std::nullopt;
  };
  for (const uint32_t cpu : cpus) {
    const std::string directory = fmt::format("{}/cpu{}", root_, cpu);
    const auto package = number(directory + "/topology/physical_package_id");
    const auto core = number(directory + "/topology/core_id");
    if (!package || !core) continue;
    const std::string core_count = directory + "/thermal_throttle/core_throttle_count";
    if (cores_seen.emplace(*package, *core).second && ::access(core_count.c_str(), R_OK) == 0)
      cores_.push_back({core_count, std::to_string(*package), std::to_string(*core)});
    const std::string package_count = directory + "/thermal_throttle/package_throttle_count";
    if (packages_seen.insert(*package).second && ::access(package_count.c_str(), R_OK) == 0)
      packages_.push_back({package_count, std::to_string(*package), ""});
  }
  // As in node_exporter, hosts whose first CPU cannot be taken offline show none of them.
  const auto present = context.read_once(root_ + "/present");
  if (present && ::access((root_ + "/cpu0/online").c_str(), F_OK) == 0) {
    for (const uint32_t cpu : parse_cpu_list(*present))
      can_be_online_.emplace_back(std::to_string(cpu), std::binary_search(cpus.begin(), cpus.end(), cpu));
  }
  online_ = std::move(online);
}

}  // namespace tidemark::exporter
