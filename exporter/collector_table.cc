#include "exporter/collector_table.h"

namespace tidemark::exporter {

std::span<const CollectorEntry> collector_table() {
  // clang-format off
  static constexpr CollectorEntry kTable[] = {
      {"bonding", true, make_bonding},
      {"cpu", true, make_cpu, declare_cpu_flags},
      {"diskstats", true, make_diskstats, declare_diskstats_flags},
      {"dmi", true, make_dmi},
      {"edac", true, make_edac},
      {"filesystem", true, make_filesystem, declare_filesystem_flags},
      {"hwmon", true, make_hwmon, declare_hwmon_flags},
      {"loadavg", true, make_loadavg},
      {"mdadm", true, make_mdadm},
      {"meminfo", true, make_meminfo},
      {"netdev", true, make_netdev, declare_netdev_flags},
      {"nvme", true, make_nvme},
      {"powersupplyclass", true, make_powersupplyclass, declare_powersupplyclass_flags},
      {"rapl", true, make_rapl, declare_rapl_flags},
      {"script", false, make_script, declare_script_flags},
      {"stat", true, make_stat, declare_stat_flags},
      {"textfile", true, make_textfile, declare_textfile_flags},
      {"thermal_zone", true, make_thermal_zone},
      {"time", true, make_time},
      {"uname", true, make_uname},
      {"watchdog", true, make_watchdog},
  };
  // clang-format on
  return kTable;
}

}  // namespace tidemark::exporter
