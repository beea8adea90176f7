// The host's clock, its time zone, and the kernel's clock sources (/sys/devices/system/clocksource/clocksource<N>).
#include <time.h>

#include "exporter/collectors/collectors.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

constexpr int kClockSourceDevicesMax = 64;

class Time final : public Collector {
 public:
  explicit Time(const CollectorConfig& config)
      : clocksource_(config.sysfs + "/devices/system/clocksource/clocksource"), clock_(*config.clock) {}

  Status collect(ScrapeContext& context, Families& out) override {
    collect_clocksources(context, out);
    const int64_t now_ms = clock_.now_ms();
    add_sample(add_gauge(out, "node_time_seconds", "The host's time, in seconds since the Unix epoch."),
               static_cast<double>(now_ms) / 1e3);
    const time_t now_s = now_ms / 1000;
    tm local{};
    ::localtime_r(&now_s, &local);
    add_sample(add_gauge(out, "node_time_zone_offset_seconds", "How far the host's time zone is ahead of UTC."),
               static_cast<double>(local.tm_gmtoff), {{"time_zone", local.tm_zone}});
    return {};
  }

 private:
  void collect_clocksources(ScrapeContext& context, Families& out) {
    auto& could = add_gauge(out, "node_time_clocksource_available_info", "Clock sources the kernel could use.");
    auto& uses = add_gauge(out, "node_time_clocksource_current_info", "The clock source the kernel uses.");
    // The kernel has one device, numbered 0; were there more, they would be numbered on.
    for (int n = 0; n < kClockSourceDevicesMax; ++n) {
      const std::string device = std::to_string(n);
      const auto available = context.read_kept(clocksource_ + device + "/available_clocksource", FileKind::kOnePiece);
      if (!available) break;
      std::string_view rest = trimmed(*available);
      for (auto source = next_word(rest); !source.empty(); source = next_word(rest))
        add_sample(could, 1, {{"clocksource", source}, {"device", device}});
      const auto current = context.read_kept(clocksource_ + device + "/current_clocksource", FileKind::kOnePiece);
      if (current) add_sample(uses, 1, {{"clocksource", trimmed(*current)}, {"device", device}});
    }
  }

  const std::string clocksource_;
  const Clock& clock_;
};

}  // namespace

CollectorResult make_time(const CollectorConfig& config) { return std::make_unique<Time>(config); }

}  // namespace tidemark::exporter
