#include "exporter/collector_table.h"

namespace tidemark::exporter {

std::span<const CollectorEntry> collector_table() {
  // clang-format off
  static constexpr CollectorEntry kTable[] = {
      {"cpu", true, make_cpu, declare_cpu_flags},
      {"diskstats", true, make_diskstats, declare_diskstats_flags},
      {"filesystem", true, make_filesystem, declare_filesystem_flags},
      {"loadavg", true, make_loadavg},
      {"meminfo", true, make_meminfo},
      {"netdev", true, make_netdev, declare_netdev_flags},
      {"stat", true, make_stat, declare_stat_flags},
      {"time", true, make_time},
      {"uname", true, make_uname},
  };
  // clang-format on
  return kTable;
}

}  // namespace tidemark::exporter
