// CPU time by mode, from /proc/stat: "cpu0 user nice system idle iowait irq softirq steal guest guest_nice", in ticks.
//
// The kernel's idle and iowait times can step back by a few ticks (they are estimated while a CPU sleeps), and all of
// a CPU's times start anew when it was unplugged. A counter must do neither unnoticed: a small step back is held at the
// highest value seen, and when idle falls by 3 s or more the CPU is taken as new and its counters start over.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "exporter/collectors/collectors.h"
#include "exporter/text_scan.h"
#include "model/mutex.h"

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

class Cpu final : public Collector {
 public:
  explicit Cpu(const CollectorConfig& config) : path_(config.procfs + "/stat"), guest_(config.cpu.guest) {}

  Status collect(ScrapeContext& context, Families& out) override {
    const auto text = context.read_kept(path_);
    if (!text) return text.error();
    std::map<uint64_t, Ticks> cpus;
    std::string_view rest = *text;
    while (!rest.empty()) {
      std::string_view line = next_line(rest);
      const std::string_view name = next_word(line);
      if (!name.starts_with("cpu")) break;  // The CPUs come first.
      if (name.size() == 3) continue;       // Their sum.
      const auto number = to_u64(name.substr(3));
      // Kernels before 2.6.33 have fewer columns; four were there from the start.
      Ticks ticks{};
      size_t columns = 0;
      for (; columns < kColumns; ++columns) {
        const std::string_view word = next_word(line);
        if (word.empty()) break;
        const auto value = to_u64(word);
        if (!value) return Status::invalid(fmt::format("{}: {}: \"{}\" is not a number", path_, name, word));
        ticks[columns] = *value;
      }
      if (!number || columns < 4) return Status::invalid(fmt::format("{}: \"{}\" is cut short", path_, name));
      cpus[*number] = ticks;
    }
    if (cpus.empty()) return Status::invalid(path_ + ": no line for any CPU");
    guard(cpus);
    append(cpus, out);
    return {};
  }

 private:
  // Replaces what stepped back by what was seen before, and remembers the result.
  void guard(std::map<uint64_t, Ticks>& cpus) {
    const MutexLock lock(mu_);
    for (auto& [number, now] : cpus) {
      const auto seen = highest_.find(number);
      if (seen == highest_.end() || now[kIdle] + kUnpluggedTicks <= seen->second[kIdle]) continue;
      for (size_t i = 0; i < kColumns; ++i) now[i] = std::max(now[i], seen->second[i]);
    }
    highest_ = cpus;  // A CPU that is gone is forgotten: it starts over when it returns.
  }

  void append(const std::map<uint64_t, Ticks>& cpus, Families& out) const {
    auto* guest = guest_ ? &add_counter(out, "node_cpu_guest_seconds_total",
                                        "CPU time spent running guests (virtual machines), by CPU and mode.")
                         : nullptr;
    auto& seconds = add_counter(out, "node_cpu_seconds_total", "CPU time spent in each mode, by CPU.");
    for (const auto& [number, ticks] : cpus) {
      const std::string cpu = std::to_string(number);
      for (const Mode& mode : kModes)
        add_sample(seconds, static_cast<double>(ticks[mode.column]) / kTicksPerSecond,
                   {{"cpu", cpu}, {"mode", mode.name}});
      if (guest == nullptr) continue;
      add_sample(*guest, static_cast<double>(ticks[kGuestNice]) / kTicksPerSecond, {{"cpu", cpu}, {"mode", "nice"}});
      add_sample(*guest, static_cast<double>(ticks[kGuest]) / kTicksPerSecond, {{"cpu", cpu}, {"mode", "user"}});
    }
  }

  const std::string path_;
  const bool guest_;
  Mutex mu_;
  std::map<uint64_t, Ticks> highest_ TM_GUARDED_BY(mu_);
};

}  // namespace

void declare_cpu_flags(CollectorFlags& flags, CollectorConfig& config) {
  flags.add("cpu.guest", &config.cpu.guest, "Show node_cpu_guest_seconds_total.");
}

CollectorResult make_cpu(const CollectorConfig& config) { return std::make_unique<Cpu>(config); }

}  // namespace tidemark::exporter
