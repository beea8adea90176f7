// The collectors' factories, and for those that have some the declaration of their flags; what each emits and from
// where is a table in ../README.md. A factory fails only on a configuration that cannot work (a bad regular
// expression), never on what the host lacks.
#pragma once

#include <memory>

#include "exporter/collector.h"
#include "exporter/collector_flags.h"

namespace tidemark::exporter {

using CollectorResult = Result<std::unique_ptr<Collector>>;

CollectorResult make_arp(const CollectorConfig& config);
void declare_arp_flags(CollectorFlags& flags, CollectorConfig& config);
CollectorResult make_bcache(const CollectorConfig& config);
void declare_bcache_flags(CollectorFlags& flags, CollectorConfig& config);
CollectorResult make_bcachefs(const CollectorConfig& config);
CollectorResult make_bonding(const CollectorConfig& config);
CollectorResult make_btrfs(const CollectorConfig& config);
CollectorResult make_buddyinfo(const CollectorConfig& config);
CollectorResult make_cgroup(const CollectorConfig& config);
void declare_cgroup_flags(CollectorFlags& flags, CollectorConfig& config);
CollectorResult make_cgroups(const CollectorConfig& config);
CollectorResult make_conntrack(const CollectorConfig& config);
CollectorResult make_cpu(const CollectorConfig& config);
void declare_cpu_flags(CollectorFlags& flags, CollectorConfig& config);
CollectorResult make_cpu_vulnerabilities(const CollectorConfig& config);
CollectorResult make_cpufreq(const CollectorConfig& config);
CollectorResult make_diskstats(const CollectorConfig& config);
void declare_diskstats_flags(CollectorFlags& flags, CollectorConfig& config);
CollectorResult make_dmi(const CollectorConfig& config);
CollectorResult make_dmmultipath(const CollectorConfig& config);
CollectorResult make_drm(const CollectorConfig& config);
CollectorResult make_edac(const CollectorConfig& config);
CollectorResult make_entropy(const CollectorConfig& config);
CollectorResult make_ethtool(const CollectorConfig& config);
void declare_ethtool_flags(CollectorFlags& flags, CollectorConfig& config);
CollectorResult make_fibrechannel(const CollectorConfig& config);
CollectorResult make_filefd(const CollectorConfig& config);
CollectorResult make_filesystem(const CollectorConfig& config);
void declare_filesystem_flags(CollectorFlags& flags, CollectorConfig& config);
CollectorResult make_hwmon(const CollectorConfig& config);
void declare_hwmon_flags(CollectorFlags& flags, CollectorConfig& config);
CollectorResult make_infiniband(const CollectorConfig& config);
void declare_infiniband_flags(CollectorFlags& flags, CollectorConfig& config);
CollectorResult make_interrupts(const CollectorConfig& config);
void declare_interrupts_flags(CollectorFlags& flags, CollectorConfig& config);
CollectorResult make_ipvs(const CollectorConfig& config);
void declare_ipvs_flags(CollectorFlags& flags, CollectorConfig& config);
CollectorResult make_kernel_hung(const CollectorConfig& config);
CollectorResult make_ksmd(const CollectorConfig& config);
CollectorResult make_lnstat(const CollectorConfig& config);
CollectorResult make_loadavg(const CollectorConfig& config);
CollectorResult make_logind(const CollectorConfig& config);
CollectorResult make_mdadm(const CollectorConfig& config);
CollectorResult make_meminfo(const CollectorConfig& config);
CollectorResult make_meminfo_numa(const CollectorConfig& config);
CollectorResult make_mountstats(const CollectorConfig& config);
CollectorResult make_netclass(const CollectorConfig& config);
void declare_netclass_flags(CollectorFlags& flags, CollectorConfig& config);
CollectorResult make_netdev(const CollectorConfig& config);
void declare_netdev_flags(CollectorFlags& flags, CollectorConfig& config);
CollectorResult make_netstat(const CollectorConfig& config);
void declare_netstat_flags(CollectorFlags& flags, CollectorConfig& config);
CollectorResult make_network_route(const CollectorConfig& config);
CollectorResult make_nfs(const CollectorConfig& config);
CollectorResult make_nfsd(const CollectorConfig& config);
CollectorResult make_nvme(const CollectorConfig& config);
CollectorResult make_nvmesubsystem(const CollectorConfig& config);
CollectorResult make_os(const CollectorConfig& config);
CollectorResult make_pcidevice(const CollectorConfig& config);
void declare_pcidevice_flags(CollectorFlags& flags, CollectorConfig& config);
CollectorResult make_powersupplyclass(const CollectorConfig& config);
void declare_powersupplyclass_flags(CollectorFlags& flags, CollectorConfig& config);
CollectorResult make_pressure(const CollectorConfig& config);
CollectorResult make_process_top(const CollectorConfig& config);
void declare_process_top_flags(CollectorFlags& flags, CollectorConfig& config);
CollectorResult make_processes(const CollectorConfig& config);
CollectorResult make_qdisc(const CollectorConfig& config);
void declare_qdisc_flags(CollectorFlags& flags, CollectorConfig& config);
CollectorResult make_rapl(const CollectorConfig& config);
void declare_rapl_flags(CollectorFlags& flags, CollectorConfig& config);
CollectorResult make_schedstat(const CollectorConfig& config);
CollectorResult make_script(const CollectorConfig& config);
void declare_script_flags(CollectorFlags& flags, CollectorConfig& config);
CollectorResult make_scsi_device(const CollectorConfig& config);
void declare_scsi_device_flags(CollectorFlags& flags, CollectorConfig& config);
CollectorResult make_selinux(const CollectorConfig& config);
CollectorResult make_slabinfo(const CollectorConfig& config);
void declare_slabinfo_flags(CollectorFlags& flags, CollectorConfig& config);
CollectorResult make_sockets(const CollectorConfig& config);
void declare_sockets_flags(CollectorFlags& flags, CollectorConfig& config);
CollectorResult make_sockstat(const CollectorConfig& config);
CollectorResult make_softirqs(const CollectorConfig& config);
CollectorResult make_softnet(const CollectorConfig& config);
CollectorResult make_stat(const CollectorConfig& config);
void declare_stat_flags(CollectorFlags& flags, CollectorConfig& config);
CollectorResult make_swap(const CollectorConfig& config);
CollectorResult make_sysctl(const CollectorConfig& config);
void declare_sysctl_flags(CollectorFlags& flags, CollectorConfig& config);
CollectorResult make_systemd(const CollectorConfig& config);
void declare_systemd_flags(CollectorFlags& flags, CollectorConfig& config);
CollectorResult make_tapestats(const CollectorConfig& config);
void declare_tapestats_flags(CollectorFlags& flags, CollectorConfig& config);
CollectorResult make_tcpstat(const CollectorConfig& config);
CollectorResult make_textfile(const CollectorConfig& config);
void declare_textfile_flags(CollectorFlags& flags, CollectorConfig& config);
CollectorResult make_thermal_zone(const CollectorConfig& config);
CollectorResult make_time(const CollectorConfig& config);
CollectorResult make_timex(const CollectorConfig& config);
CollectorResult make_udp_queues(const CollectorConfig& config);
CollectorResult make_uname(const CollectorConfig& config);
CollectorResult make_vmstat(const CollectorConfig& config);
void declare_vmstat_flags(CollectorFlags& flags, CollectorConfig& config);
CollectorResult make_watchdog(const CollectorConfig& config);
CollectorResult make_xfrm(const CollectorConfig& config);
CollectorResult make_xfs(const CollectorConfig& config);
CollectorResult make_zfs(const CollectorConfig& config);
CollectorResult make_zoneinfo(const CollectorConfig& config);

}  // namespace tidemark::exporter
