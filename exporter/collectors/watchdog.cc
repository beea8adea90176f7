// Watchdog timers: /sys/class/watchdog/<watchdog> (Documentation/ABI/testing/sysfs-class-watchdog).
#include "exporter/collectors/collectors.h"
#include "exporter/device_metrics.h"

namespace tidemark::exporter {
namespace {

constexpr Attribute kAttributes[] = {
    {"access_cs0", "node_watchdog_access_cs0", "Whether the host started from the second flash."},
    {"bootstatus", "node_watchdog_bootstatus", "Why the host was reset, as the driver's bits (WDIOF_*)."},
    {"fw_version", "node_watchdog_fw_version", "Version of the watchdog's firmware."},
    {"nowayout", "node_watchdog_nowayout", "Whether it cannot be stopped once it runs."},
    {"pretimeout", "node_watchdog_pretimeout_seconds", "How long before the reset it warns."},
    {"timeleft", "node_watchdog_timeleft_seconds", "Time left until the reset."},
    {"timeout", "node_watchdog_timeout_seconds", "Time without a sign of life until the reset."},
};

class Watchdog final : public Collector {
 public:
  explicit Watchdog(const CollectorConfig& config) : path_(config.sysfs + "/class/watchdog") {}

  Status collect(ScrapeContext& context, Families& out) override {
    auto& info = add_gauge(out, "node_watchdog_info", "What the watchdog is and does; always 1.");
    AttributeTable table(kAttributes, out);
    const Directory watchdogs(context.absences(), path_);
    for (const std::string& name : watchdogs.names()) {
      const Directory device(watchdogs, name);
      if (!device.exists()) continue;
      table.add(device, out.add_labels({{"name", name}}));
      const auto text = [&](const char* file) { return valid_utf8(device.text(file).value_or("")); };
      add_sample(info, 1,
                 {{"identity", text("identity")},
                  {"name", name},
                  {"options", text("options")},
                  {"pretimeout_governor", text("pretimeout_governor")},
                  {"state", text("state")},
                  {"status", text("status")}});
    }
    return {};
  }

 private:
  const std::string path_;
};

}  // namespace

CollectorResult make_watchdog(const CollectorConfig& config) { return std::make_unique<Watchdog>(config); }

}  // namespace tidemark::exporter
