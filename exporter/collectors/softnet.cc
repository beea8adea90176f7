// /proc/net/softnet_stat, a line a CPU of numbers in hex (net/core/net-procfs.c): packets processed, packets dropped,
// times out of quota, five that are always 0, collisions; since 2.6.36 wake-ups by RPS, since 3.11 times the flow limit
// was reached, since 5.10 the backlog's length and the CPU's number.
#include <fmt/format.h>

#include <array>
#include <charconv>

#include "exporter/collectors/collectors.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

struct Column {
  size_t position;
  std::string_view name;
  MetricType type;
  std::string_view help;
};

constexpr Column kColumns[] = {
    {0, "node_softnet_processed_total", MetricType::kCounter, "Packets processed."},
    {1, "node_softnet_dropped_total", MetricType::kCounter, "Packets dropped because the backlog was full."},
    {2, "node_softnet_times_squeezed_total", MetricType::kCounter,
     "Times there was work left when the quota was used up."},
    {8, "node_softnet_cpu_collision_total", MetricType::kCounter, "Collisions for a device's lock while sending."},
    {9, "node_softnet_received_rps_total", MetricType::kCounter,
     "Times another CPU woke this one for received packets."},
    {10, "node_softnet_flow_limit_count_total", MetricType::kCounter, "Times the flow limit was reached."},
    {11, "node_softnet_backlog_len", MetricType::kGauge, "Packets in the backlog."},
};
constexpr size_t kNumbersMin = 9;
constexpr size_t kCpuPosition = 12;

class Softnet final : public Collector {
 public:
  explicit Softnet(const CollectorConfig& config) : path_(config.procfs + "/net/softnet_stat") {}

  Status collect(ScrapeContext& context, Families& out) override {
    const auto text = context.read_kept(path_, FileKind::kShortLines);
    if (!text) return text.error();
    std::array<Family*, std::size(kColumns)> families{};
    for (size_t i = 0; i < families.size(); ++i)
      families[i] = &add_family(out, kColumns[i].name, kColumns[i].type, kColumns[i].help);
    std::string_view rest = *text;
    for (uint64_t number = 0; !rest.empty(); ++number) {
      std::string_view line = next_line(rest);
      std::array<uint64_t, kCpuPosition + 1> numbers{};
      size_t count = 0;
      for (auto word = next_word(line); !word.empty() && count < numbers.size(); word = next_word(line)) {
        const auto value = to_u64(word, 16);
        if (!value) return Status::invalid(fmt::format("{}:{}: \"{}\" is not in hex", path_, number + 1, word));
        numbers[count++] = *value;
      }
      if (count < kNumbersMin)
        return Status::invalid(
            fmt::format("{}:{}: {} numbers instead of at least {}", path_, number + 1, count, kNumbersMin));
      // Older kernels skip CPUs that are off without saying so.
      const std::string cpu = std::to_string(count > kCpuPosition ? numbers[kCpuPosition] : number);
      const LabelSet labels = out.add_labels({{"cpu", cpu}});
      for (size_t i = 0; i < families.size(); ++i)
        add_sample(*families[i], static_cast<double>(numbers[kColumns[i].position]), labels);
    }
    return {};
  }

 private:
  const std::string path_;
};

}  // namespace

CollectorResult make_softnet(const CollectorConfig& config) { return std::make_unique<Softnet>(config); }

}  // namespace tidemark::exporter
