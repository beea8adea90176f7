// What adjtimex(2) says of the kernel's clock and of what keeps it. Nothing is set; where a sandbox forbids even
// asking, there is nothing to show.
#include <errno.h>
#include <fmt/format.h>
#include <string.h>
#include <sys/timex.h>

#include "exporter/collectors/collectors.h"

namespace tidemark::exporter {
namespace {

constexpr double kMicrosecond = 1e6;
constexpr double kNanosecond = 1e9;
constexpr double kScaledPpm = 65'536.0 * 1e6;  // Frequencies are in parts per million with 16 bits of fraction.

class Timex final : public Collector {
 public:
  Status collect(ScrapeContext&, Families& out) override {
    timex t{};
    const int state = ::adjtimex(&t);
    if (state < 0 && errno == EPERM) return {};
    if (state < 0) return Status::io(fmt::format("adjtimex: {}", strerror(errno)));
    const double unit = (t.status & STA_NANO) != 0 ? kNanosecond : kMicrosecond;
    const auto gauge = [&](std::string_view name, std::string_view help, double v) {
      add_sample(add_gauge(out, name, help), v);
    };
    const auto count = [&](std::string_view name, std::string_view help, long v) {
      add_sample(add_counter(out, name, help), static_cast<double>(v));
    };
    const auto number = [](auto v) { return static_cast<double>(v); };
    gauge("node_timex_estimated_error_seconds", "Estimated error of the clock.", number(t.esterror) / kMicrosecond);
    gauge("node_timex_frequency_adjustment_ratio", "How much faster than by itself the clock is made to run.",
          1 + number(t.freq) / kScaledPpm);
    gauge("node_timex_loop_time_constant", "Time constant of the phase-locked loop.", number(t.constant));
    gauge("node_timex_maxerror_seconds", "Largest error the clock may have.", number(t.maxerror) / kMicrosecond);
    gauge("node_timex_offset_seconds", "Offset that is being corrected.", number(t.offset) / unit);
    count("node_timex_pps_calibration_total", "Calibration intervals of the pulse-per-second signal.", t.calcnt);
    count("node_timex_pps_error_total", "Calibration errors of the pulse-per-second signal.", t.errcnt);
    gauge("node_timex_pps_frequency_hertz", "Frequency of the pulse-per-second signal.",
          number(t.ppsfreq) / kScaledPpm);
    gauge("node_timex_pps_jitter_seconds", "Jitter of the pulse-per-second signal.", number(t.jitter) / unit);
    count("node_timex_pps_jitter_total", "Times the jitter of the pulse-per-second signal was over its limit.",
          t.jitcnt);
    gauge("node_timex_pps_shift_seconds", "Length of the calibration interval, as a power of two.", number(t.shift));
    count("node_timex_pps_stability_exceeded_total",
          "Times the wander of the pulse-per-second signal was over its limit.", t.stbcnt);
    gauge("node_timex_pps_stability_hertz", "Wander of the pulse-per-second signal.", number(t.stabil) / kScaledPpm);
    gauge("node_timex_status", "The status bits STA_* of adjtimex(2).", number(t.status));
    gauge("node_timex_sync_status", "Whether the clock is synchronized.", state == TIME_ERROR ? 0 : 1);
    gauge("node_timex_tai_offset_seconds", "How far TAI is ahead of UTC, where it was told.", number(t.tai));
    gauge("node_timex_tick_seconds", "Time between two ticks of the clock.", number(t.tick) / kMicrosecond);
    return {};
  }
};

}  // namespace

CollectorResult make_timex(const CollectorConfig&) { return std::make_unique<Timex>(); }

}  // namespace tidemark::exporter
