// What the collectors of devices and those that are off by default can be told; see collector_settings.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "exporter/name_filter.h"

namespace tidemark::exporter {

struct BcacheSettings {
  bool priority_stats = false;
};

struct CgroupSettings {
  FilterPatterns paths;
  int64_t count_max = 1'000;  // Cgroups shown.
};

struct EthtoolSettings {
  FilterPatterns devices;
  std::string metrics_include = ".*";
};

struct HwmonSettings {
  FilterPatterns chips;
  FilterPatterns sensors;  // Matched against "chip;sensor".
};

struct InfinibandSettings {
  FilterPatterns devices;
};

struct InterruptsSettings {
  FilterPatterns names;  // Matched against "type;info;devices".
  bool include_zeros = true;
};

struct LogindSettings {
  std::string address;     // "": the system bus.
  bool is_a_peer = false;  // Not a bus, but logind itself is at that address.
};

struct PcideviceSettings {
  bool names = false;
  std::string ids_file;  // "": where distributions put it.
};

struct PowersupplyclassSettings {
  std::string ignored = "^$";
};

struct ProcessTopSettings {
  int64_t count = 10;  // Groups in each of the three tops.
  std::string group_by = "name";
  FilterPatterns groups;
  int64_t linger_ms = 600'000;
};

struct QdiscSettings {
  FilterPatterns devices;
};

struct RaplSettings {
  bool zone_label = false;
};

struct ScsiDeviceSettings {
  FilterPatterns devices;
};

struct SlabinfoSettings {
  FilterPatterns slabs = {".*", ""};
};

struct SocketsSettings {
  int64_t ports_max = 100;
};

struct SysctlSettings {
  std::vector<std::string> include;
  std::vector<std::string> include_info;
};

struct SystemdSettings {
  FilterPatterns units = {".+", R"(.+\.(automount|device|mount|scope|slice))"};  // Of whole names.
  bool tasks = false;
  bool restarts = false;
  bool start_time = false;
  bool private_connection = false;  // Ask systemd itself, not the bus.
  std::string address;              // "": the system bus, or systemd's private socket.
};

struct TapestatsSettings {
  std::string ignored = "^$";
};

}  // namespace tidemark::exporter
