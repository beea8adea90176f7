// Pressure stall information, /proc/pressure/{cpu,io,memory,irq} (Documentation/accounting/psi.rst):
// "some avg10=0.00 avg60=0.00 avg300=0.00 total=123" and the same as "full", totals in microseconds. Kernels have it
// since 4.20 (irq since 6.1), unless built or started without.
#include <fmt/format.h>

#include "exporter/collectors/collectors.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

struct Line {
  std::string_view resource;
  std::string_view kind;
  std::string_view name;
  std::string_view help;
};

constexpr Line kLines[] = {
    {"cpu", "some", "node_pressure_cpu_waiting_seconds_total", "Time in which some task waited for a CPU."},
    {"io", "some", "node_pressure_io_waiting_seconds_total", "Time in which some task waited for I/O."},
    {"io", "full", "node_pressure_io_stalled_seconds_total", "Time in which every task waited for I/O."},
    {"memory", "some", "node_pressure_memory_waiting_seconds_total", "Time in which some task waited for memory."},
    {"memory", "full", "node_pressure_memory_stalled_seconds_total", "Time in which every task waited for memory."},
    {"irq", "full", "node_pressure_irq_stalled_seconds_total",
     "Time in which interrupts kept every task from running."},
};

class Pressure final : public Collector {
 public:
  explicit Pressure(const CollectorConfig& config) {
    for (const Line& line : kLines) paths_.push_back(fmt::format("{}/pressure/{}", config.procfs, line.resource));
  }

  Status collect(ScrapeContext& context, Families& out) override {
    for (size_t i = 0; i < std::size(kLines); ++i) {
      const auto text = context.read_kept(paths_[i], FileKind::kOnePiece);
      // Where it is off by default (psi=0), opening works and reading says EOPNOTSUPP.
      if (!text && (text.error().code() == Code::kNotFound || text.error().code() == Code::kUnsupported)) continue;
      if (!text) return text.error();
      const auto total_us = total(*text, kLines[i].kind);
      if (!total_us) return Status::invalid(fmt::format("{}: no total of \"{}\"", paths_[i], kLines[i].kind));
      add_sample(add_counter(out, kLines[i].name, kLines[i].help), static_cast<double>(*total_us) / 1e6);
    }
    return {};
  }

 private:
  static std::optional<uint64_t> total(std::string_view rest, std::string_view kind) {
    while (!rest.empty()) {
      std::string_view line = next_line(rest);
      if (next_word(line) != kind) continue;
      const size_t at = line.find("total=");
      return at == line.npos ? std::nullopt : to_u64(line.substr(at + 6));
    }
    return std::nullopt;
  }

  std::vector<std::string> paths_;  // As kLines.
};

}  // namespace

CollectorResult make_pressure(const CollectorConfig& config) { return std::make_unique<Pressure>(config); }

}  // namespace tidemark::exporter
