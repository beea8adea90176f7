// EthtoolSource: what a network driver tells of an interface over ioctl(2) SIOCETHTOOL (linux/ethtool.h; ethtool(8)
// shows the same). An interface of our own network namespace; what its driver does not support is nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tidemark::exporter {

struct EthtoolDriver {
  std::string driver;
  std::string version;
  std::string firmware_version;
  std::string expansion_rom_version;
  std::string bus_info;
};

struct EthtoolLink {
  uint32_t supported = 0;   // Bits are ETHTOOL_LINK_MODE_*_BIT; those above 31 are not in here.
  uint32_t advertised = 0;  // As they.
  bool autonegotiates = false;
};

using EthtoolStatistics = std::vector<std::pair<std::string, uint64_t>>;  // As the driver names and orders them.

// One thread at a time. May block as long as the driver does.
class EthtoolSource {
 public:
  virtual ~EthtoolSource() = default;
  virtual std::optional<EthtoolDriver> driver(const std::string& device) = 0;
  virtual std::optional<EthtoolLink> link(const std::string& device) = 0;
  virtual EthtoolStatistics statistics(const std::string& device) = 0;  // At most 65,536.
};

std::shared_ptr<EthtoolSource> kernel_ethtool();

}  // namespace tidemark::exporter
