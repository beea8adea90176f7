// systemd's units, over D-Bus (org.freedesktop.systemd1(5)): one call lists all units, and then one property of each
// service shown is asked for, one of each timer and three of each socket; more with flags. All of these are under way
// together, on a connection that lives as long as the scrape.
#include <algorithm>
#include <map>

#include "exporter/collectors/collectors.h"
#include "exporter/dbus_client.h"
#include "exporter/device_metrics.h"

namespace tidemark::exporter {
namespace {

constexpr std::string_view kStates[] = {"activating", "active", "deactivating", "failed", "inactive"};
constexpr const char* kService = "org.freedesktop.systemd1.Service";
constexpr const char* kManager = "org.freedesktop.systemd1.Manager";
constexpr const char* kManagerPath = "/org/freedesktop/systemd1";
constexpr double kNoLimit = 0x1p64;  // systemd's UINT64_MAX: not counted, or no limit.

struct Unit {
  std::string name;
  std::string active_state;
  std::string path;
  std::string type;  // Of services and mounts.
};

// "252.38" of "252.38-1~deb12u1": the first number of at least three digits.
double version_number(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789";
  for (size_t at = text.find_first_of(kDigits); at != text.npos;) {
    size_t end = std::min(text.find_first_not_of(kDigits, at), text.size());
    if (end - at >= 3) {
      if (end + 1 < text.size() && text[end] == '.' && kDigits.find(text[end + 1]) != kDigits.npos)
        end = std::min(text.find_first_not_of(kDigits, end + 1), text.size());
      return parse_number(text.substr(at, end - at)).value_or(0);
    }
    at = text.find_first_of(kDigits, end);
  }
  return 0;
}

class Systemd final : public Collector {
 public:
  Systemd(const CollectorConfig& config, NameFilter units) : settings_(config.systemd), units_(std::move(units)) {
    address_.text = settings_.address;
    if (!settings_.private_connection) return;
    address_.is_a_peer = true;
    if (address_.text.empty()) address_.text = "unix:path=/run/systemd/private";
  }

  Status collect(ScrapeContext& context, Families& out) override {
    auto client = DbusClient::connect(address_, "org.freedesktop.systemd1", context.deadline_monotonic_ns());
    if (!client) return client.error();
    std::vector<Unit> units;
    std::map<std::string, uint64_t, std::less<>> counts;
    for (const std::string_view state : kStates) counts.emplace(state, 0);
    Status status = (*client)->list_units([&](const DbusClient::Unit& unit) {
      const auto [count, is_new] = counts.try_emplace(std::string(unit.active_state));
      ++count->second;
      if (unit.load_state == "loaded" && units_.shows(unit.name))
        units.push_back({std::string(unit.name), std::string(unit.active_state), std::string(unit.path), ""});
    });
    if (!status.ok()) return status;
    auto& summary = add_gauge(out, "node_systemd_units", "Units by state.");
    for (const auto& [state, count] : counts) add_sample(summary, static_cast<double>(count), {{"state", state}});
    status = ask(**client, units, out);
    if (!status.ok()) return status;
    auto& unit_state = add_gauge(out, "node_systemd_unit_state", "1 for the state the unit is in.");
    for (const Unit& unit : units) {
      for (const std::string_view state : kStates)
        add_sample(unit_state, unit.active_state == state ? 1 : 0,
                   {{"name", unit.name}, {"state", state}, {"type", unit.type}});
    }
    return {};
  }

 private:
  using Strings = std::vector<DbusClient::StringProperty>;
  using Numbers = std::vector<DbusClient::NumberProperty>;

  // Asks for the properties of `units`, filling their types, and of systemd itself.
  Status ask(DbusClient& client, std::vector<Unit>& units, Families& out) const {
    Strings strings;
    Numbers numbers;
    std::string version;
    std::string state;
    std::string virtualization = "unknown";
    const auto manager = [&](const char* name, std::string& into) {
      strings.push_back({kManagerPath, kManager, name, [&into](std::string_view text) { into = text; }});
    };
    manager("Version", version);
    manager("SystemState", state);
    manager("Virtualization", virtualization);
    for (Unit& unit : units) {
      const bool is_service = unit.name.ends_with(".service");
      if (is_service || unit.name.ends_with(".mount"))
        strings.push_back({unit.path, is_service ? kService : "org.freedesktop.systemd1.Mount", "Type",
                           [&unit](std::string_view type) { unit.type = type; }});
    }
    add_unit_numbers(units, numbers, out);
    Status status = client.read(strings, numbers);
    if (!status.ok()) return status;
    add_sample(add_gauge(out, "node_systemd_version", "systemd's version."), version_number(version),
               {{"version", version}});
    add_sample(add_gauge(out, "node_systemd_virtualization_info", "What systemd finds it runs in; always 1."), 1,
               {{"virtualization_type", virtualization.empty() ? "none" : std::string_view(virtualization)}});
    add_sample(add_gauge(out, "node_systemd_system_running", "Whether all units run as they should."),
               state == "running" ? 1 : 0);
    return {};
  }

  void add_unit_numbers(const std::vector<Unit>& units, Numbers& numbers, Families& out) const {
    auto& restarts = add_counter(out, "node_systemd_service_restart_total", "How often systemd restarted the service.");
    auto& accepted =
        add_counter(out, "node_systemd_socket_accepted_connections_total", "Connections the socket accepted.");
    auto& current = add_gauge(out, "node_systemd_socket_current_connections", "Connections of the socket.");
    auto& refused = add_gauge(out, "node_systemd_socket_refused_connections_total", "Connections the socket refused.");
    auto& trigger = add_gauge(out, "node_systemd_timer_last_trigger_seconds", "When the timer went off last.");
    auto& started =
        add_gauge(out, "node_systemd_unit_start_time_seconds", "When the unit became active; 0: it is not.");
    auto& tasks = add_gauge(out, "node_systemd_unit_tasks_current", "Tasks of the service.");
    auto& tasks_max = add_gauge(out, "node_systemd_unit_tasks_max", "Tasks the service may have.");
    for (const Unit& unit : units) {
      const LabelSet labels = out.add_labels({{"name", unit.name}});
      const auto number = [&](const char* interface, const char* name, Family& family, double divisor = 1) {
        numbers.push_back({unit.path, interface, name, [&family, labels, divisor](double v) {
                             if (v < kNoLimit) add_sample(family, v / divisor, labels);
                           }});
      };
      if (unit.name.ends_with(".service")) {
        if (settings_.restarts) number(kService, "NRestarts", restarts);
        if (settings_.tasks) {
          number(kService, "TasksCurrent", tasks);
          number(kService, "TasksMax", tasks_max);
        }
      } else if (unit.name.ends_with(".timer")) {
        number("org.freedesktop.systemd1.Timer", "LastTriggerUSec", trigger, 1e6);
      } else if (unit.name.ends_with(".socket")) {
        number("org.freedesktop.systemd1.Socket", "NAccepted", accepted);
        number("org.freedesktop.systemd1.Socket", "NConnections", current);
        number("org.freedesktop.systemd1.Socket", "NRefused", refused);
      }
      if (!settings_.start_time) continue;
      if (unit.active_state == "active") {
        number("org.freedesktop.systemd1.Unit", "ActiveEnterTimestamp", started, 1e6);
      } else {
        add_sample(started, 0, labels);
      }
    }
  }

  const SystemdSettings settings_;
  const NameFilter units_;
  DbusAddress address_;
};

std::string whole(const std::string& pattern) { return pattern.empty() ? "" : "^(?:" + pattern + ")$"; }

}  // namespace

void declare_systemd_flags(CollectorFlags& flags, CollectorConfig& config) {
  SystemdSettings& settings = config.systemd;
  flags.add_filter_pair("systemd.unit", &settings.units, "units (of their whole names)");
  flags.add_old_name("systemd.unit-whitelist", "systemd.unit-include");
  flags.add_old_name("systemd.unit-blacklist", "systemd.unit-exclude");
  flags.add("systemd.private", &settings.private_connection, "Ask systemd at its private socket (root only).");
  flags.hide("systemd.private");
  flags.add("systemd.enable-task-metrics", &settings.tasks, "Show the tasks of services.");
  flags.add("systemd.enable-restarts-metrics", &settings.restarts, "Show restarts of services.");
  flags.add("systemd.enable-start-time-metrics", &settings.start_time, "Show when units became active.");
}

CollectorResult make_systemd(const CollectorConfig& config) {
  auto units = NameFilter::compile({whole(config.systemd.units.include), whole(config.systemd.units.exclude)});
  if (!units) return fail(units.error());
  return std::make_unique<Systemd>(config, std::move(*units));
}

}  // namespace tidemark::exporter
