#include "exporter/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <list>

#include "config/flags.h"
#include "exporter/collector_table.h"
#include "exporter/process_metrics.h"

namespace tidemark::exporter {
namespace {

constexpr const char* kProgram = "tidemark-exporter";

// A pair of include and exclude flags, with the names they had in older releases.
struct FilterFlags {
  std::string base;  // "collector.diskstats.device"
  FilterPatterns* patterns;
  std::string old_include;  // "": there was none.
  std::string old_exclude;
  std::string old_include_value;
  std::string old_exclude_value;
};

void declare(config::Flags& flags, FilterFlags& filter, std::string_view what) {
  flags.add(filter.base + "-include", &filter.patterns->include,
            fmt::format("Regular expression of {} to show. Not together with -exclude.", what));
  flags.add(filter.base + "-exclude", &filter.patterns->exclude,
            fmt::format("Regular expression of {} not to show. Not together with -include.", what));
  for (auto [name, value] : {std::pair(&filter.old_include, &filter.old_include_value),
                             std::pair(&filter.old_exclude, &filter.old_exclude_value)}) {
    if (name->empty()) continue;
    flags.add(*name, value, "");
    flags.hide(*name);
  }
}

// Works out what the flags of a pair mean together.
Status settle(const config::Flags& flags, FilterFlags& filter, std::vector<std::string>& warnings) {
  const auto chosen = [&](const std::string& name, const std::string& old, const std::string& old_value,
                          std::string& pattern) -> Result<bool> {
    const bool now = flags.given(name);
    const bool before = !old.empty() && flags.given(old);
    if (now && before) return fail(Status::invalid(fmt::format("--{} and --{} are the same flag", old, name)));
    if (before) {
      warnings.push_back(fmt::format("--{} is the old name of --{}", old, name));
      pattern = old_value;
    }
    return now || before;
  };
  const auto include =
      chosen(filter.base + "-include", filter.old_include, filter.old_include_value, filter.patterns->include);
  if (!include) return include.error();
  const auto exclude =
      chosen(filter.base + "-exclude", filter.old_exclude, filter.old_exclude_value, filter.patterns->exclude);
  if (!exclude) return exclude.error();
  if (*include && *exclude)
    return Status::invalid(fmt::format("--{0}-include and --{0}-exclude are mutually exclusive", filter.base));
  if (*include) filter.patterns->exclude.clear();  // The default exclusions do not count then.
  return {};
}

int print_error(const Status& status) {
  std::fputs(fmt::format("{}: error: {}, try --help\n", kProgram, status.message()).c_str(), stderr);
  return 1;
}

}  // namespace

std::optional<int> parse_options(int argc, const char* const* argv, Options& options) {
  config::Flags flags(kProgram, "Serves this host's metrics over HTTP, under the names of node_exporter.");
  CollectorConfig& c = options.collectors;
  std::list<FilterFlags> filters = {
      {"collector.diskstats.device", &c.disk_devices, "", "collector.diskstats.ignored-devices", "", ""},
      {"collector.filesystem.mount-points", &c.mount_points, "", "collector.filesystem.ignored-mount-points", "", ""},
      {"collector.filesystem.fs-types", &c.fs_types, "", "collector.filesystem.ignored-fs-types", "", ""},
      {"collector.netdev.device", &c.net_devices, "collector.netdev.device-whitelist",
       "collector.netdev.device-blacklist", "", ""},
  };
  auto filter = filters.begin();
  declare(flags, *filter++, "disks");
  declare(flags, *filter++, "mount points");
  declare(flags, *filter++, "file system types");
  declare(flags, *filter++, "network interfaces");
  flags.add("collector.cpu.guest", &c.cpu_guest, "Show node_cpu_guest_seconds_total.");
  flags.add("collector.stat.softirq", &c.stat_softirq, "Show node_softirqs_total, by vector.");
  flags.add("collector.netdev.netlink", &c.netdev_netlink, "Ask rtnetlink instead of reading /proc/net/dev.");
  flags.add_duration("collector.filesystem.mount-timeout", &c.mount_timeout_ms,
                     "How long a scrape waits for file systems that do not answer.");
  flags.add("path.procfs", &c.procfs, "Where procfs is mounted.");
  flags.add("path.sysfs", &c.sysfs, "Where sysfs is mounted.");
  flags.add("path.rootfs", &c.rootfs, "Where the host's root file system is mounted.");
  flags.add("path.udev.data", &c.udev_data, "Where udev keeps its database.");

  struct Switch {
    const CollectorEntry* entry;
    bool on;
  };
  std::list<Switch> switches;
  for (const CollectorEntry& entry : collector_table()) {
    Switch& one = switches.emplace_back(Switch{&entry, entry.on_by_default});
    flags.add(fmt::format("collector.{}", entry.name), &one.on, fmt::format("The {} collector.", entry.name));
  }
  bool disable_defaults = false;
  flags.add("collector.disable-defaults", &disable_defaults, "Run only the collectors that are asked for by name.");

  bool disable_exporter_metrics = false;
  flags.add("web.listen-address", &options.listen_addresses, "Address to serve on: \":9100\", \"[::1]:9100\".");
  flags.add("web.telemetry-path", &options.web.telemetry_path, "Path of the metrics page.");
  flags.add("web.disable-exporter-metrics", &disable_exporter_metrics,
            "Leave out the metrics about the exporter itself (process_*, promhttp_*, tidemark_exporter_*).");
  flags.add("web.max-requests", &options.web.requests_max, "Scrapes under way at once, 503 beyond; 0: no bound.");
  flags.add("once", &options.once, "Print the metrics page to standard output and leave.");

  int64_t gomaxprocs = 1;
  flags.add("runtime.gomaxprocs", &gomaxprocs, "");
  flags.hide("runtime.gomaxprocs");
  std::string log_level = "info";
  std::string log_format = "logfmt";
  flags.add_choice("log.level", &log_level, {"debug", "info", "warn", "error"}, "What to log at least.");
  flags.add_choice("log.format", &log_format, {"logfmt", "json"}, "How to log.");

  const std::string version = fmt::format("{}, version {}\n  metrics of:       node_exporter {}", kProgram,
                                          TIDEMARK_VERSION, kNodeExporterVersion);
  if (const auto exit_code = flags.parse(argc, argv, version)) return exit_code;

  for (FilterFlags& one : filters) {
    const Status status = settle(flags, one, options.warnings);
    if (!status.ok()) return print_error(status);
  }
  if (!options.web.telemetry_path.starts_with('/'))
    return print_error(Status::invalid("--web.telemetry-path must start with \"/\""));
  for (const Switch& one : switches) {
    const bool asked = flags.given(fmt::format("collector.{}", one.entry->name));
    if (one.on && (asked || !disable_defaults)) options.enabled.emplace_back(one.entry->name);
  }
  options.web.exporter_metrics = !disable_exporter_metrics;
  options.log_level = *parse_log_level(log_level);
  options.log_format = *parse_log_format(log_format);
  return std::nullopt;
}

Result<std::vector<NamedCollector>> make_collectors(const Options& options) {
  std::vector<NamedCollector> collectors;
  for (const CollectorEntry& entry : collector_table()) {
    if (std::find(options.enabled.begin(), options.enabled.end(), entry.name) == options.enabled.end()) continue;
    auto made = entry.make(options.collectors);
    if (!made) return fail(made.error().at(fmt::format("collector {}", entry.name)));
    collectors.push_back({std::string(entry.name), std::move(*made)});
  }
  return collectors;
}

}  // namespace tidemark::exporter
