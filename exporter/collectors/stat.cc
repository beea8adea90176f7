// What /proc/stat says about the whole host: boot time, forks, context switches, interrupts, runnable processes.
#include <fmt/format.h>

#include "exporter/collectors/collectors.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

struct Field {
  std::string_view key;
  std::string_view name;
  MetricType type;
  std::string_view help;
};

constexpr Field kFields[] = {
    {"intr", "node_intr_total", MetricType::kCounter, "Interrupts serviced since boot."},
    {"ctxt", "node_context_switches_total", MetricType::kCounter, "Context switches since boot."},
    {"btime", "node_boot_time_seconds", MetricType::kGauge, "When the host booted, in seconds since the Unix epoch."},
    {"processes", "node_forks_total", MetricType::kCounter, "Processes and threads created since boot."},
    {"procs_running", "node_procs_running", MetricType::kGauge, "Processes that run or could run."},
    {"procs_blocked", "node_procs_blocked", MetricType::kGauge, "Processes that wait for I/O to complete."},
};

// The columns of the "softirq" line behind its total, in the kernel's order (include/linux/interrupt.h).
constexpr std::string_view kSoftirqVectors[] = {"hi",           "timer",   "net_tx", "net_rx",  "block",
                                                "block_iopoll", "tasklet", "sched",  "hrtimer", "rcu"};

class Stat final : public Collector {
 public:
  explicit Stat(const CollectorConfig& config) : path_(config.procfs + "/stat"), softirq_(config.stat.softirq) {}

  Status collect(ScrapeContext& context, Families& out) override {
    const auto text = context.read_kept(path_, FileKind::kOnePiece);
    if (!text) return text.error();
    size_t found = 0;
    std::string_view rest = *text;
    while (!rest.empty()) {
      std::string_view line = next_line(rest);
      if (line.starts_with("cpu")) continue;
      const std::string_view key = next_word(line);
      if (softirq_ && key == "softirq") collect_softirq(line, out);
      for (const Field& field : kFields) {
        if (field.key != key) continue;
        const std::string_view word = next_word(line);
        const auto value = to_u64(word);
        if (!value) return Status::invalid(fmt::format("{}: \"{}\" is not a number: \"{}\"", path_, key, word));
        add_sample(add_family(out, field.name, field.type, field.help), static_cast<double>(*value));
        ++found;
      }
    }
    return found > 0 ? Status() : Status::invalid(path_ + ": none of the lines known to this collector");
  }

 private:
  static void collect_softirq(std::string_view line, Families& out) {
    auto& family = add_counter(out, "node_softirqs_total", "Softirqs served since boot.");
    next_word(line);  // The total.
    for (const std::string_view vector : kSoftirqVectors) {
      const auto value = to_u64(next_word(line));
      if (value) add_sample(family, static_cast<double>(*value), {{"vector", vector}});
    }
  }

  const std::string path_;
  const bool softirq_;
};

}  // namespace

void declare_stat_flags(CollectorFlags& flags, CollectorConfig& config) {
  flags.add("stat.softirq", &config.stat.softirq, "Show node_softirqs_total, by vector.");
}

CollectorResult make_stat(const CollectorConfig& config) { return std::make_unique<Stat>(config); }

}  // namespace tidemark::exporter
