#include "exporter/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <list>

#include "config/flags.h"
#include "exporter/collector_table.h"
#include "exporter/lacking_collectors.h"
#include "exporter/process_metrics.h"

namespace tidemark::exporter {
namespace {

constexpr const char* kProgram = "tidemark-exporter";

// --collector.NAME.
struct Switch {
  std::string_view name;
  bool on;
  const LackingCollector* lacking;  // Null for a collector we have.
};

int print_error(const Status& status) {
  std::fputs(fmt::format("{}: error: {}, try --help\n", kProgram, status.message()).c_str(), stderr);
  return 1;
}

}  // namespace

std::optional<int> parse_options(int argc, const char* const* argv, Options& options) {
  config::Flags flags(kProgram, "Serves this host's metrics over HTTP, under the names of node_exporter.");
  CollectorFlags collector_flags(flags);
  CollectorConfig& c = options.collectors;
  flags.add("path.procfs", &c.procfs, "Where procfs is mounted.");
  flags.add("path.sysfs", &c.sysfs, "Where sysfs is mounted.");
  flags.add("path.rootfs", &c.rootfs, "Where the host's root file system is mounted.");
  flags.add("path.udev.data", &c.udev_data, "Where udev keeps its database.");

  std::list<Switch> switches;
  for (const CollectorEntry& entry : collector_table()) {
    Switch& one = switches.emplace_back(Switch{entry.name, entry.on_by_default, nullptr});
    flags.add(fmt::format("collector.{}", entry.name), &one.on, fmt::format("The {} collector.", entry.name));
    if (entry.declare_flags != nullptr) entry.declare_flags(collector_flags, c);
  }
  for (const LackingCollector& lacking : lacking_collectors()) {
    Switch& one = switches.emplace_back(Switch{lacking.name, false, &lacking});
    const std::string name = fmt::format("collector.{}", lacking.name);
    flags.add(name, &one.on, "");
    flags.hide(name);
    for (const LackingFlag& flag : lacking.flags)
      collector_flags.add_ignored(flag.name, flag.kind, fmt::format("there is no collector {} here", lacking.name));
  }
  bool disable_defaults = false;
  flags.add("collector.disable-defaults", &disable_defaults, "Run only the collectors that are asked for by name.");

  bool disable_exporter_metrics = false;
  flags.add("web.listen-address", &options.listen_addresses, "Address to serve on: \":9100\", \"[::1]:9100\".");
  flags.add("web.systemd-socket", &options.systemd_socket,
            "Serve on the sockets that systemd passed (socket activation) instead of --web.listen-address.");
  flags.add(
      "web.config.file", &options.web_config_file,
      "YAML file with TLS, users, headers and a rate limit, in exporter-toolkit's format; followed while running.");
  flags.add("web.admin-user", &options.admin_users,
            "User of --web.config.file who may list and run scripts over the API; repeatable.");
  flags.add("web.telemetry-path", &options.web.telemetry_path, "Path of the metrics page.");
  flags.add("web.disable-exporter-metrics", &disable_exporter_metrics,
            "Leave out the metrics about the exporter itself (process_*, promhttp_*, tidemark_exporter_*).");
  flags.add("web.max-requests", &options.web.requests_max, "Scrapes under way at once, 503 beyond; 0: no bound.");
  declare_push_flags(flags, options.push);
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

  const Status status = collector_flags.settle(options.warnings);
  if (!status.ok()) return print_error(status);
  if (!options.web.telemetry_path.starts_with('/'))
    return print_error(Status::invalid("--web.telemetry-path must start with \"/\""));
  for (const Switch& one : switches) {
    const bool asked = flags.given(fmt::format("collector.{}", one.name));
    if (!one.on || (disable_defaults && !asked)) continue;
    if (one.lacking != nullptr)
      return print_error(Status::unsupported(
          fmt::format("--collector.{0}: there is no collector {0} here; {1}", one.name, one.lacking->instead)));
    options.enabled.emplace_back(one.name);
  }
  if (const Status push_status = check_push_options(options.push); !push_status.ok()) return print_error(push_status);
  const ScriptSettings& script = options.collectors.script;
  const bool runs_scripts =
      std::find(options.enabled.begin(), options.enabled.end(), "script") != options.enabled.end();
  if (runs_scripts && (script.directory.empty() || script.config_file.empty()))
    return print_error(Status::invalid(
        "--collector.script needs --collector.script.directory and --collector.script.config beside it"));
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
  // These add to what the others say, so they must know it.
  std::stable_partition(collectors.begin(), collectors.end(),
                        [](const NamedCollector& one) { return one.name != "script" && one.name != "textfile"; });
  return collectors;
}

}  // namespace tidemark::exporter
