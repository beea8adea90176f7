#include "exporter/collector_table.h"

namespace tidemark::exporter {

std::span<const CollectorEntry> collector_table() {
  // clang-format off
  static constexpr CollectorEntry kTable[] = {
      {"bonding", true, make_bonding},
      {"buddyinfo", false, make_buddyinfo},
      {"cgroups", false, make_cgroups},
      {"cpu", true, make_cpu, declare_cpu_flags},
      {"cpu_vulnerabilities", false, make_cpu_vulnerabilities},
      {"diskstats", true, make_diskstats, declare_diskstats_flags},
      {"dmi", true, make_dmi},
      {"edac", true, make_edac},
      {"filesystem", true, make_filesystem, declare_filesystem_flags},
      {"hwmon", true, make_hwmon, declare_hwmon_flags},
      {"interrupts", false, make_interrupts, declare_interrupts_flags},
      {"ksmd", false, make_ksmd},
      {"lnstat", false, make_lnstat},
      {"loadavg", true, make_loadavg},
      {"mdadm", true, make_mdadm},
      {"meminfo", true, make_meminfo},
      {"meminfo_numa", false, make_meminfo_numa},
      {"netdev", true, make_netdev, declare_netdev_flags},
      {"nvme", true, make_nvme},
      {"powersupplyclass", true, make_powersupplyclass, declare_powersupplyclass_flags},
      {"processes", false, make_processes},
      {"rapl", true, make_rapl, declare_rapl_flags},
      {"script", false, make_script, declare_script_flags},
      {"slabinfo", false, make_slabinfo, declare_slabinfo_flags},
      {"softirqs", false, make_softirqs},
      {"stat", true, make_stat, declare_stat_flags},
      {"swap", false, make_swap},
      {"sysctl", false, make_sysctl, declare_sysctl_flags},
      {"tcpstat", false, make_tcpstat},
      {"textfile", true, make_textfile, declare_textfile_flags},
      {"thermal_zone", true, make_thermal_zone},
      {"time", true, make_time},
      {"uname", true, make_uname},
      {"watchdog", true, make_watchdog},
      {"xfrm", false, make_xfrm},
      {"zoneinfo", false, make_zoneinfo},
  };
  // clang-format on
  return kTable;
}

}  // namespace tidemark::exporter
