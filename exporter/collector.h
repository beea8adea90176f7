// Collector: one subsystem of the host, as metric families. Everything that reads the kernel for /metrics is one of
// these, one file each in collectors/, listed in collector_table.cc.
#pragma once

#include <sys/vfs.h>

#include <functional>
#include <memory>
#include <string>

#include "exporter/collector_settings.h"
#include "exporter/family.h"
#include "exporter/scrape_context.h"
#include "model/clock.h"
#include "model/log.h"
#include "model/status.h"

namespace tidemark::exporter {

class EthtoolSource;
class ScriptRunner;

class Collector {
 public:
  virtual ~Collector() = default;

  // Appends this scrape's families. One call at a time, though not always by the same thread, so what is kept from one
  // to the next needs no lock. On failure what was appended is dropped, and only this collector's success says 0;
  // hardware the host does not have is not a failure but no samples. Returns by context.deadline_monotonic_ns().
  virtual Status collect(ScrapeContext& context, Families& out) = 0;
};

// Answers as statfs(2) does: 0, or -1 with errno set. May block for as long as it likes.
using StatfsFunction = std::function<int(const char* path, struct statfs* out)>;

// What collectors are made from. Tests point the paths at a recorded tree.
struct CollectorConfig {
  std::string procfs = "/proc";
  std::string sysfs = "/sys";
  std::string rootfs = "/";
  std::string udev_data = "/run/udev/data";

  ArpSettings arp;
  CpuSettings cpu;
  DiskstatsSettings diskstats;
  FilesystemSettings filesystem;
  IpvsSettings ipvs;
  NetclassSettings netclass;
  NetdevSettings netdev;
  NetstatSettings netstat;
  StatSettings stat;
  // Devices and optional collectors.
  BcacheSettings bcache;
  CgroupSettings cgroup;
  EthtoolSettings ethtool;
  HwmonSettings hwmon;
  InfinibandSettings infiniband;
  InterruptsSettings interrupts;
  LogindSettings logind;
  PcideviceSettings pcidevice;
  PowersupplyclassSettings powersupplyclass;
  ProcessTopSettings process_top;
  QdiscSettings qdisc;
  RaplSettings rapl;
  ScsiDeviceSettings scsi_device;
  SlabinfoSettings slabinfo;
  SocketsSettings sockets;
  SysctlSettings sysctl;
  SystemdSettings systemd;
  TapestatsSettings tapestats;

  ScriptSettings script;
  TextfileSettings textfile;
  VmstatSettings vmstat;

  StatfsFunction statfs_function = ::statfs;
  std::shared_ptr<EthtoolSource> ethtool_source;  // Null: the kernel.
  const Clock* clock = &system_clock();
  std::shared_ptr<ScriptRunner> scripts;  // Null: no script runs.
  Logger* logger = &null_logger();        // For what a scrape's success cannot say. Outlives the collectors.
};

// A path of the host's root file system, wherever that is mounted.
inline std::string host_path(const CollectorConfig& config, std::string_view path) {
  return (config.rootfs == "/" ? std::string() : config.rootfs) + std::string(path);
}

}  // namespace tidemark::exporter
