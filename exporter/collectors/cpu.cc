// CPU time by mode, from /proc/stat: "cpu0 user nice system idle iowait irq softirq steal guest guest_nice", in ticks.
//
// The kernel's idle and iowait times can step back by a few ticks (they are estimated while a CPU sleeps), and all of
// a CPU's times start anew when it was unplugged. A counter must do neither unnoticed: a small step back is held at the
// highest value seen, and when idle falls by 3 s or more the CPU is taken as new and its counters start over.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "exporter/collectors/collectors.h"
#include "exporter/collectors/cpu_info.h"
#include "exporter/collectors/cpu_topology.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

constexpr double kTicksPerSecond = 100;  // USER_HZ, part of the kernel's ABI on every architecture Debian knows.
constexpr uint64_t kUnpluggedTicks = 300;

enum Column { kUser, kNice, kSystem, kIdle, kIowait, kIrq, kSoftirq, kSteal, kGuest, kGuestNice, kColumns };
using Ticks = std::array<uint64_t, kColumns>;

struct Mode {
  Column column;
  std::string_view name;
};
constexpr Mode kModes[] = {{kIdle, "idle"},       {kIowait, "iowait"}, {kIrq, "irq"},       {kNice, "nice"},
                           {kSoftirq, "softirq"}, {kSteal, "steal"},   {kSystem, "system"}, {kUser, "user"}};

struct CpuTimes {
  uint64_t number = 0;
  Ticks ticks{};
};

class Cpu final : public Collector {
 public:
  Cpu(const CollectorConfig& config, std::unique_ptr<CpuInfo> info)
      : path_(config.procfs + "/stat"), guest_(config.cpu.guest), info_(std::move(info)), topology_(config.sysfs) {}

  Status collect(ScrapeContext& context, Families& out) override {
    const auto text = context.read_kept(path_, FileKind::kOnePiece);
    if (!text) return text.error();
    Status status = parse(*text);
    if (!status.ok()) return status;
    guard();
    append(out);
    topology_.collect(context, out);
    return info_ != nullptr ? info_->collect(context, out) : Status();
  }

 private:
  Status parse(std::string_view rest) {
    now_.clear();
    while (!rest.empty()) {
      std::string_view line = next_line(rest);
      const std::string_view name = next_word(line);
      if (!name.starts_with("cpu")) break;  // The CPUs come first, in the order of their numbers.
      if (name.size() == 3) continue;       // Their sum.
      const auto number = to_u64(name.substr(3));
      // Kernels before 2.6.33 have fewer columns; four were there from the start.
      CpuTimes cpu;
      size_t columns = 0;
      for (; columns < kColumns; ++columns) {
        const std::string_view word = next_word(line);
        if (word.empty()) break;
        const auto value = to_u64(word);
        if (!value) return Status::invalid(fmt::format("{}: {}: \"{}\" is not a number", path_, name, word));
        cpu.ticks[columns] = *value;
      }
      if (!number || columns < 4) return Status::invalid(fmt::format("{}: \"{}\" is cut short", path_, name));
      cpu.number = *number;
      now_.push_back(cpu);
    }
    return now_.empty() ? Status::invalid(path_ + ": no line for any CPU") : Status();
  }

  // Replaces what stepped back by what was seen before, and remembers the result.
  void guard() {
    auto seen = highest_.begin();
    for (CpuTimes& cpu : now_) {
      while (seen != highest_.end() && seen->number < cpu.number) ++seen;
      if (seen == highest_.end() || seen->number != cpu.number) continue;
      if (cpu.ticks[kIdle] + kUnpluggedTicks <= seen->ticks[kIdle]) continue;
      for (size_t i = 0; i < kColumns; ++i) cpu.ticks[i] = std::max(cpu.ticks[i], seen->ticks[i]);
    }
    highest_ = now_;  // A CPU that is gone is forgotten: it starts over when it returns.
  }

  void append(Families& out) const {
    auto* guest = guest_ ? &add_counter(out, "node_cpu_guest_seconds_total",
                                        "CPU time spent running guests (virtual machines), by CPU and mode.")
                         : nullptr;
    auto& seconds = add_counter(out, "node_cpu_seconds_total", "CPU time spent in each mode, by CPU.");
    for (const CpuTimes& one : now_) {
      const fmt::format_int cpu(one.number);
      const std::string_view number(cpu.data(), cpu.size());
      for (const Mode& mode : kModes)
        add_sample(seconds, static_cast<double>(one.ticks[mode.column]) / kTicksPerSecond,
                   {{"cpu", number}, {"mode", mode.name}});
      if (guest == nullptr) continue;
      add_sample(*guest, static_cast<double>(one.ticks[kGuestNice]) / kTicksPerSecond,
                 {{"cpu", number}, {"mode", "nice"}});
      add_sample(*guest, static_cast<double>(one.ticks[kGuest]) / kTicksPerSecond, {{"cpu", number}, {"mode", "user"}});
    }
  }

  const std::string path_;
  const bool guest_;
  const std::unique_ptr<CpuInfo> info_;
  CpuTopology topology_;
  std::vector<CpuTimes> now_;
  std::vector<CpuTimes> highest_;
};

}  // namespace

void declare_cpu_flags(CollectorFlags& flags, CollectorConfig& config) {
  flags.add("cpu.guest", &config.cpu.guest, "Show node_cpu_guest_seconds_total.");
  flags.add("cpu.info", &config.cpu.info, "Show what each CPU is (node_cpu_info, node_cpu_frequency_hertz).");
  flags.add("cpu.info.flags-include", &config.cpu.info_flags_include,
            "Regular expression of CPU flags to show, with cpu.info.");
  flags.add("cpu.info.bugs-include", &config.cpu.info_bugs_include,
            "Regular expression of CPU bugs to show, with cpu.info.");
}

CollectorResult make_cpu(const CollectorConfig& config) {
  const CpuSettings& settings = config.cpu;
  std::unique_ptr<CpuInfo> info;
  if (settings.info || !settings.info_flags_include.empty() || !settings.info_bugs_include.empty()) {
    auto made = CpuInfo::make(config.procfs, settings);
    if (!made) return fail(made.error());
    info = std::move(*made);
  }
  return std::make_unique<Cpu>(config, std::move(info));
}

}  // namespace tidemark::exporter
