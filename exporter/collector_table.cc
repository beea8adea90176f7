#include "exporter/collector_table.h"

namespace tidemark::exporter {

std::span<const CollectorEntry> collector_table() {
  static constexpr CollectorEntry kTable[] = {
      {"cpu", true, make_cpu},         {"diskstats", true, make_diskstats}, {"filesystem", true, make_filesystem},
      {"loadavg", true, make_loadavg}, {"meminfo", true, make_meminfo},     {"netdev", true, make_netdev},
      {"stat", true, make_stat},       {"time", true, make_time},           {"uname", true, make_uname},
  };
  return kTable;
}

}  // namespace tidemark::exporter
