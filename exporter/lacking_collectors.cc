#include "exporter/lacking_collectors.h"

namespace tidemark::exporter {
namespace {

using enum CollectorFlags::Kind;

constexpr std::string_view kNotYet = "this release does not have it";

constexpr LackingFlag kNtp[] = {
    {"ntp.server"}, {"ntp.server-port"},  {"ntp.protocol-version"},      {"ntp.server-is-local", kSwitch},
    {"ntp.ip-ttl"}, {"ntp.max-distance"}, {"ntp.local-offset-tolerance"}};
constexpr LackingFlag kPerf[] = {{"perf.cpus"},
                                 {"perf.tracepoint", kRepeatable},
                                 {"perf.disable-hardware-profilers", kSwitch},
                                 {"perf.hardware-profilers", kRepeatable},
                                 {"perf.disable-software-profilers", kSwitch},
                                 {"perf.software-profilers", kRepeatable},
                                 {"perf.disable-cache-profilers", kSwitch},
                                 {"perf.cache-profilers", kRepeatable}};
constexpr LackingFlag kRunit[] = {{"runit.servicedir"}};
constexpr LackingFlag kSupervisord[] = {{"supervisord.url"}};
constexpr LackingFlag kWifi[] = {{"wifi.fixtures"}};

constexpr LackingCollector kTable[] = {
    {"drbd", "read /proc/drbd with a script whose output textfile serves", {}},
    {"ntp", "upstream deprecates it; the timex collector shows the kernel's own view of the clock", kNtp},
    {"perf", kNotYet, kPerf},
    {"runit", "upstream deprecates it; watch the services with a script whose output textfile serves", kRunit},
    {"supervisord", "upstream deprecates it; watch the services with a script whose output textfile serves",
     kSupervisord},
    {"wifi", "read it with a script around iw(8) whose output textfile serves", kWifi},
};

}  // namespace

std::span<const LackingCollector> lacking_collectors() { return kTable; }

}  // namespace tidemark::exporter
