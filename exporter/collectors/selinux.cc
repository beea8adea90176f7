// Whether SELinux is on, and whether it enforces: now (/sys/fs/selinux/enforce) and after the next boot
// (/etc/selinux/config). Modes are 1 enforcing, 0 permissive, -1 disabled.
#include <fmt/format.h>

#include "exporter/collectors/collectors.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

class Selinux final : public Collector {
 public:
  explicit Selinux(const CollectorConfig& config)
      : enforce_(config.sysfs + "/fs/selinux/enforce"), config_(host_path(config, "/etc/selinux/config")) {}

  Status collect(ScrapeContext& context, Families& out) override {
    const auto enforce = context.read_kept(enforce_);
    if (!enforce && enforce.error().code() != Code::kNotFound) return enforce.error();
    add_sample(add_gauge(out, "node_selinux_enabled", "Whether SELinux is on."), enforce ? 1 : 0);
    if (!enforce) return {};
    const auto mode = to_u64(trimmed(*enforce));
    if (!mode) return Status::invalid(enforce_ + ": not a number");
    add_sample(add_gauge(out, "node_selinux_current_mode", "SELinux's mode: 1 enforcing, 0 permissive, -1 disabled."),
               static_cast<double>(*mode));
    const auto file = context.read_once(config_);
    add_sample(add_gauge(out, "node_selinux_config_mode",
                         "SELinux's mode as configured: 1 enforcing, 0 permissive, -1 disabled."),
               file ? configured_mode(*file) : -1);
    return {};
  }

 private:
  static double configured_mode(std::string_view rest) {
    while (!rest.empty()) {
      const std::string_view line = trimmed(next_line(rest));
      if (!line.starts_with("SELINUX=")) continue;
      const std::string_view mode = trimmed(line.substr(8));
      return mode == "enforcing" ? 1 : mode == "permissive" ? 0 : -1;
    }
    return -1;
  }

  const std::string enforce_;
  const std::string config_;
};

}  // namespace

CollectorResult make_selinux(const CollectorConfig& config) { return std::make_unique<Selinux>(config); }

}  // namespace tidemark::exporter
