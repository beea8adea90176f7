// What each collector can be told, one struct a collector, with upstream's defaults. The flags that fill them are
// declared beside the collector that reads them (see collector_flags.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "exporter/device_settings.h"
#include "exporter/name_filter.h"

namespace tidemark::exporter {

struct CpuSettings {
  bool guest = true;
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

struct NetdevSettings {
  FilterPatterns devices;
  bool netlink = true;  // Ask rtnetlink instead of reading /proc/net/dev, which lacks "nohandler".
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

}  // namespace tidemark::exporter
