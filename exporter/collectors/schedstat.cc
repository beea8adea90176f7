// /proc/schedstat: "cpu0 0 0 0 0 0 0 running waiting slices ..." with times in ns
// (Documentation/scheduler/sched-stats.rst). A kernel built without it has no such file.
#include <fmt/format.h>

#include <array>

#include "exporter/collectors/collectors.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

constexpr size_t kSkipped = 6;

class Schedstat final : public Collector {
 public:
  explicit Schedstat(const CollectorConfig& config) : path_(config.procfs + "/schedstat") {}

  Status collect(ScrapeContext& context, Families& out) override {
    const auto text = context.read_kept(path_);
    if (!text) return text.error().code() == Code::kNotFound ? Status() : text.error();
    auto& running = add_counter(out, "node_schedstat_running_seconds_total", "Time tasks ran on the CPU, in seconds.");
    auto& slices = add_counter(out, "node_schedstat_timeslices_total", "Times a task was given the CPU.");
    auto& waiting =
        add_counter(out, "node_schedstat_waiting_seconds_total", "Time tasks waited for the CPU, in seconds.");
    std::string_view rest = *text;
    for (int number = 1; !rest.empty(); ++number) {
      std::string_view line = next_line(rest);
      const std::string_view name = next_word(line);
      if (!name.starts_with("cpu")) continue;  // Versions, domains.
      for (size_t i = 0; i < kSkipped; ++i) next_word(line);
      std::array<uint64_t, 3> numbers{};
      for (uint64_t& one : numbers) {
        const auto value = to_u64(next_word(line));
        if (!value) return Status::invalid(fmt::format("{}:{}: {} is cut short", path_, number, name));
        one = *value;
      }
      const LabelSet labels = out.add_labels({{"cpu", name.substr(3)}});
      add_sample(running, static_cast<double>(numbers[0]) / 1e9, labels);
      add_sample(waiting, static_cast<double>(numbers[1]) / 1e9, labels);
      add_sample(slices, static_cast<double>(numbers[2]), labels);
    }
    return {};
  }

 private:
  const std::string path_;
};

}  // namespace

CollectorResult make_schedstat(const CollectorConfig& config) { return std::make_unique<Schedstat>(config); }

}  // namespace tidemark::exporter
