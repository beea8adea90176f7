// What each collector can be told, one struct a collector, with upstream's defaults. The flags that fill them are
// declared beside the collector that reads them (see collector_flags.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "exporter/device_settings.h"
#include "exporter/name_filter.h"

namespace tidemark::exporter {

struct ArpSettings {
  FilterPatterns devices;
  bool netlink = true;
};

struct CpuSettings {
  bool guest = true;
  bool info = false;
  std::string info_flags_include;  // Either of these turns `info` on.
  std::string info_bugs_include;
};

struct DiskstatsSettings {
  FilterPatterns devices = {"", R"(^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$)"};
};

struct FilesystemSettings {
  FilterPatterns mount_points = {"",
                                 "^/(dev|proc|run|sys|mnt|media|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)"};
  FilterPatterns fs_types = {
      "",
      "^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|mqueue|nsfs|"
      "overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|erofs|sysfs|tracefs)$"};
  int64_t mount_timeout_ms = 5'000;  // All of a scrape's statfs calls together.
  int64_t workers_max = 16;          // Threads that may wait in statfs, stuck ones included.
};

struct IpvsSettings {
  std::string backend_labels = "local_address,local_port,remote_address,remote_port,proto,local_mark";
};

struct NetclassSettings {
  std::string ignored_devices = "^$";
  bool ignore_invalid_speed = false;
  bool netlink = true;  // Ask rtnetlink for what it carries.
};

struct NetdevSettings {
  FilterPatterns devices;
  bool netlink = true;  // Ask rtnetlink instead of reading /proc/net/dev, which lacks "nohandler".
  bool address_info = false;
  bool label_ifalias = false;
  bool detailed = false;  // Counters as the kernel keeps them, not summed up as in /proc/net/dev.
};

struct NetstatSettings {
  std::string fields =
      "^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)|"
      "TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts|TCPOFOQueue|TCPRcvQDrop)|"
      "Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)|"
      "Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))$";
};

struct StatSettings {
  bool softirq = false;
};

struct ScriptSettings {
  std::string directory;    // Of the programs that may be run.
  std::string config_file;  // See script/script_config.h.
  int64_t running_max = 4;  // At once.
};

struct TextfileSettings {
  std::vector<std::string> directories;  // Globs.
  int64_t stale_after_ms = 0;            // 0: no file is stale.
  bool drop_stale = false;
};

struct VmstatSettings {
  std::string fields = "^(oom_kill|pgpg|pswp|pg.*fault).*";
};

}  // namespace tidemark::exporter
