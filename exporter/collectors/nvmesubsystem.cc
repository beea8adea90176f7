// NVMe subsystems, their controllers (the paths to them) and namespaces: /sys/class/nvme-subsystem/nvme-subsys<N>, with
// a link nvme<N> to each controller.
#include <algorithm>

#include "exporter/collectors/collectors.h"
#include "exporter/device_metrics.h"

namespace tidemark::exporter {
namespace {

constexpr std::string_view kStates[] = {"connecting", "dead", "deleting", "live", "new", "resetting", "unknown"};

std::string_view known_state(std::string_view state) {
  if (state == "deleting (no IO)") return "deleting";
  const auto* found = std::find(std::begin(kStates), std::end(kStates), state);
  return found == std::end(kStates) ? "unknown" : *found;
}

bool is_namespace(std::string_view name) {  // "nvme0n1".
  constexpr std::string_view kPrefix = "nvme";
  constexpr std::string_view kDigits = "0123456789";
  if (!name.starts_with(kPrefix)) return false;
  name.remove_prefix(kPrefix.size());
  const size_t n = name.find_first_not_of(kDigits);
  return n != name.npos && n > 0 && name[n] == 'n' && n + 1 < name.size() &&
         name.find_first_not_of(kDigits, n + 1) == name.npos;
}

class NvmeSubsystem final : public Collector {
 public:
  explicit NvmeSubsystem(const CollectorConfig& config) : path_(config.sysfs + "/class/nvme-subsystem") {}

  Status collect(ScrapeContext& context, Families& out) override {
    auto& info = add_gauge(out, "node_nvmesubsystem_info", "What the subsystem is; always 1.");
    auto& namespace_info = add_gauge(out, "node_nvmesubsystem_namespace_info", "Its namespaces; always 1.");
    auto& paths = add_gauge(out, "node_nvmesubsystem_paths", "Paths to the subsystem.");
    auto& paths_live = add_gauge(out, "node_nvmesubsystem_paths_live", "Paths that work.");
    auto& path_state = add_gauge(out, "node_nvmesubsystem_path_state", "1 for the state the path is in.");
    const Directory subsystems(context.absences(), path_);
    for (const std::string& name : subsystems.numbered("nvme-subsys")) {
      const Directory subsystem(subsystems, name);
      const auto text = [&](const char* file) { return valid_utf8(subsystem.text(file).value_or("")); };
      add_sample(info, 1,
                 {{"iopolicy", text("iopolicy")},
                  {"model", text("model")},
                  {"nqn", text("subsysnqn")},
                  {"serial", text("serial")},
                  {"subsystem", name}});
      for (const std::string& entry : subsystem.names()) {
        if (is_namespace(entry)) add_sample(namespace_info, 1, {{"device", entry}, {"subsystem", name}});
      }
      size_t path_count = 0;
      size_t live_count = 0;
      for (const std::string& entry : subsystem.numbered("nvme")) {
        const Directory controller(subsystem, entry);
        const auto state_text = controller.text("state");
        if (!state_text) continue;  // It has gone since.
        const std::string_view state = known_state(*state_text);
        const std::string transport = controller.text("transport").value_or("");
        ++path_count;
        if (state == "live") ++live_count;
        for (const std::string_view one : kStates)
          add_sample(path_state, one == state ? 1 : 0,
                     {{"controller", entry}, {"state", one}, {"subsystem", name}, {"transport", transport}});
      }
      const LabelSet labels = out.add_labels({{"subsystem", name}});
      add_sample(paths, static_cast<double>(path_count), labels);
      add_sample(paths_live, static_cast<double>(live_count), labels);
    }
    return {};
  }

 private:
  const std::string path_;
};

}  // namespace

CollectorResult make_nvmesubsystem(const CollectorConfig& config) { return std::make_unique<NvmeSubsystem>(config); }

}  // namespace tidemark::exporter
