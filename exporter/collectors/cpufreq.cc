// CPU frequencies: /sys/devices/system/cpu/cpu<N>/cpufreq (Documentation/admin-guide/pm/cpufreq.rst), in kHz there.
// cpuinfo_cur_freq asks the hardware and is root's alone; some drivers take 20 ms for each CPU, so after half a second
// the rest of them are left out of that scrape.
#include <fmt/format.h>
#include <unistd.h>

#include <array>

#include "exporter/collectors/collectors.h"
#include "exporter/cpu_list.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

constexpr int64_t kHardwareNs = 500'000'000;

// A driver may be loaded while we run.
constexpr int64_t kLearnAgainNs = 60'000'000'000;

struct Frequency {
  std::string_view attribute;
  std::string_view name;
  std::string_view help;
};

constexpr Frequency kFrequencies[] = {
    {"cpuinfo_cur_freq", "node_cpu_frequency_hertz", "Frequency of the CPU, as the hardware says."},
    {"cpuinfo_avg_freq", "node_cpu_frequency_avg_hertz", "Frequency of the CPU over its last interval."},
    {"cpuinfo_max_freq", "node_cpu_frequency_max_hertz", "Highest frequency the CPU can run at."},
    {"cpuinfo_min_freq", "node_cpu_frequency_min_hertz", "Lowest frequency the CPU can run at."},
    {"scaling_cur_freq", "node_cpu_scaling_frequency_hertz", "Frequency of the CPU, as the scaling driver says."},
    {"scaling_max_freq", "node_cpu_scaling_frequency_max_hertz", "Highest frequency the CPU may be given."},
    {"scaling_min_freq", "node_cpu_scaling_frequency_min_hertz", "Lowest frequency the CPU may be given."},
};

class Cpufreq final : public Collector {
 public:
  explicit Cpufreq(const CollectorConfig& config)
      : root_(config.sysfs + "/devices/system/cpu"), online_(root_ + "/online"), policies_(root_ + "/cpufreq") {}

  Status collect(ScrapeContext& context, Families& out) override {
    const auto online = context.read_kept(online_, FileKind::kOnePiece);
    if (!online || ::access(policies_.c_str(), F_OK) != 0)
      return {};  // No frequency scaling, as in most virtual machines.
    const int64_t start_ns = system_clock().monotonic_ns();
    if (*online != cpus_text_ || start_ns > learn_again_ns_) {
      learn_cpus(std::string(*online));
      learn_again_ns_ = start_ns + kLearnAgainNs;
    }
    std::array<Family*, std::size(kFrequencies)> frequencies{};
    for (size_t i = 0; i < frequencies.size(); ++i)
      frequencies[i] = &add_gauge(out, kFrequencies[i].name, kFrequencies[i].help);
    auto& governors = add_gauge(out, "node_cpu_scaling_governor", "Which of the governors there are is in use.");
    for (const Cpu& cpu : cpus_) {
      const LabelSet labels = out.add_labels({{"cpu", cpu.number}});
      for (size_t i = 0; i < frequencies.size(); ++i) {
        if (i == 0 && system_clock().monotonic_ns() - start_ns > kHardwareNs) continue;
        const auto text = context.read_kept(cpu.paths[i], FileKind::kOnePiece);
        const auto khz = text ? to_u64(trimmed(*text)) : std::nullopt;
        if (khz) add_sample(*frequencies[i], static_cast<double>(*khz) * 1e3, labels);
      }
      add_governors(context, cpu, governors);
    }
    return {};
  }

 private:
  struct Cpu {
    std::string number;
    std::array<std::string, std::size(kFrequencies)> paths;
    std::string governor;
    std::string available_governors;
  };

  void learn_cpus(std::string online) {
    cpus_.clear();
    for (const uint32_t number : parse_cpu_list(online)) {
      const std::string directory = fmt::format("{}/cpu{}/cpufreq", root_, number);
      if (::access(directory.c_str(), F_OK) != 0) continue;
      Cpu& cpu = cpus_.emplace_back();
      cpu.number = std::to_string(number);
      for (size_t i = 0; i < std::size(kFrequencies); ++i)
        cpu.paths[i] = fmt::format("{}/{}", directory, kFrequencies[i].attribute);
      cpu.governor = directory + "/scaling_governor";
      cpu.available_governors = directory + "/scaling_available_governors";
    }
    cpus_text_ = std::move(online);
  }

  static void add_governors(ScrapeContext& context, const Cpu& cpu, Family& governors) {
    const auto governor = context.read_kept(cpu.governor, FileKind::kOnePiece);
    const auto available = context.read_kept(cpu.available_governors, FileKind::kOnePiece);
    if (!governor || !available) return;
    const std::string_view used = trimmed(*governor);
    std::string_view rest = trimmed(*available);
    for (auto one = next_word(rest); !one.empty(); one = next_word(rest))
      add_sample(governors, one == used ? 1 : 0, {{"cpu", cpu.number}, {"governor", one}});
  }

  const std::string root_;
  const std::string online_;
  const std::string policies_;
  std::string cpus_text_;  // From which cpus_ was made.
  std::vector<Cpu> cpus_;
  int64_t learn_again_ns_ = 0;
};

}  // namespace

CollectorResult make_cpufreq(const CollectorConfig& config) { return std::make_unique<Cpufreq>(config); }

}  // namespace tidemark::exporter
