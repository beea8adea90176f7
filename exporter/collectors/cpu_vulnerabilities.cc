// Which faults of the processor concern this host: /sys/devices/system/cpu/vulnerabilities, a file each that says
// "Not affected", "Vulnerable: ...", "Mitigation: ..." or "Unknown: ..." (Documentation/ABI/testing).
#include "exporter/collectors/collectors.h"
#include "exporter/device_metrics.h"

namespace tidemark::exporter {
namespace {

constexpr std::string_view kStates[] = {"not affected", "vulnerable", "mitigation", "unknown"};

bool starts_with_ignoring_case(std::string_view text, std::string_view lower) {
  if (text.size() < lower.size()) return false;
  for (size_t i = 0; i < lower.size(); ++i) {
    const char c = text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] - 'A' + 'a') : text[i];
    if (c != lower[i]) return false;
  }
  return true;
}

// "Mitigation: PTE Inversion": state "mitigation", "PTE Inversion".
std::pair<std::string_view, std::string_view> split(std::string_view text) {
  for (const std::string_view state : kStates) {
    if (!starts_with_ignoring_case(text, state)) continue;
    if (state == "not affected") return {state, ""};
    const size_t blank = text.find_first_of(" \t");
    return {state, blank == text.npos ? "" : text.substr(blank + 1)};
  }
  return {"unknown", text};
}

class CpuVulnerabilities final : public Collector {
 public:
  explicit CpuVulnerabilities(const CollectorConfig& config)
      : path_(config.sysfs + "/devices/system/cpu/vulnerabilities") {}

  Status collect(ScrapeContext& /*context*/, Families& out) override {
    auto& info = add_gauge(out, "node_cpu_vulnerabilities_info", "What is done about the fault; always 1.");
    const Directory directory(path_);
    for (const std::string& name : directory.names()) {
      const auto text = directory.text(name);
      if (!text) continue;
      const auto [state, mitigation] = split(*text);
      add_sample(info, 1, {{"codename", name}, {"mitigation", valid_utf8(mitigation)}, {"state", state}});
    }
    return {};
  }

 private:
  const std::string path_;
};

}  // namespace

CollectorResult make_cpu_vulnerabilities(const CollectorConfig& config) {
  return std::make_unique<CpuVulnerabilities>(config);
}

}  // namespace tidemark::exporter
