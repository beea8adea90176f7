// The families of the cgroup collector, and what fills them: the files of one cgroup (Documentation/admin-guide/
// cgroup-v2.rst of the kernel), and those of one network namespace. Names and labels are cAdvisor's.
#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>

#include "exporter/directory.h"
#include "exporter/family.h"

namespace tidemark::exporter {

// What tells one cgroup's series from another's; views of what outlives the call.
struct CgroupLabels {
  std::string_view container;
  std::string_view id;  // The path.
  std::string_view image;
  std::string_view name;
  std::string_view pod_namespace;
  std::string_view pod;
};

class CgroupMetrics {
 public:
  // Adds the families to `out`. `sysfs` is where block devices' numbers become names.
  CgroupMetrics(Families& out, const std::string& sysfs);

  // Adds what `cgroup` has. Files that are absent (a controller that is off) or not whole are left out.
  void add(const Directory& cgroup, const CgroupLabels& labels);
  // Adds the interfaces of `net_dev`, the text of a /proc/<pid>/net/dev.
  void add_network(std::string_view net_dev, const CgroupLabels& labels);

 private:
  void add_cpu(const Directory& cgroup, const CgroupLabels& who, const LabelSet& labels);
  void add_memory(const Directory& cgroup, const LabelSet& labels);
  void add_io(const Directory& cgroup, const CgroupLabels& who);
  void add_pids(const Directory& cgroup, const LabelSet& labels);
  void add_pressure(const Directory& cgroup, const char* file, Family& waiting, Family& stalled,
                    const LabelSet& labels);
  std::string device_name(std::string_view number);  // "/dev/sda" for "8:0".

  Families& out_;
  const Directory block_devices_;
  std::map<std::string, std::string, std::less<>> device_names_;
  std::array<char, 16'384> buffer_;

  Family &cpu_usage_, &cpu_user_, &cpu_system_, &periods_, &throttled_periods_, &throttled_seconds_, &quota_, &period_;
  Family &memory_usage_, &memory_max_usage_, &working_set_, &rss_, &cache_, &swap_, &memory_limit_, &oom_events_;
  Family &reads_, &read_bytes_, &writes_, &write_bytes_;
  Family &threads_, &threads_max_;
  Family &cpu_waiting_, &cpu_stalled_, &memory_waiting_, &memory_stalled_, &io_waiting_, &io_stalled_;
  std::array<Family*, 8> network_;  // Receive, then transmit: bytes, packets, errors, dropped.
};

}  // namespace tidemark::exporter
