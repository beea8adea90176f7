#include "exporter/ethtool_source.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>

namespace tidemark::exporter {
namespace {

constexpr uint32_t kStatisticsMax = 65'536;

template <size_t N>
std::string text(const char (&field)[N]) {
  return {field, ::strnlen(field, N)};
}

// A request whose answer is as long as a count in it says: `Head`, then `count` pieces of `piece_bytes`.
template <class Head>
class LongRequest {
 public:
  LongRequest(uint32_t count, size_t piece_bytes)
      : memory_((sizeof(Head) + count * piece_bytes + sizeof(uint64_t) - 1) / sizeof(uint64_t)) {}
  Head* head() { return reinterpret_cast<Head*>(memory_.data()); }
  const char* pieces() const { return reinterpret_cast<const char*>(memory_.data()) + sizeof(Head); }

 private:
  std::vector<uint64_t> memory_;
};

class KernelEthtool final : public EthtoolSource {
 public:
  ~KernelEthtool() override {
    if (fd_ >= 0) ::close(fd_);
  }

  std::optional<EthtoolDriver> driver(const std::string& device) override {
    ethtool_drvinfo info{};
    info.cmd = ETHTOOL_GDRVINFO;
    if (!ask(device, &info)) return std::nullopt;
    return EthtoolDriver{text(info.driver), text(info.version), text(info.fw_version), text(info.erom_version),
                         text(info.bus_info)};
  }

  std::optional<EthtoolLink> link(const std::string& device) override {
    ethtool_cmd settings{};
    settings.cmd = ETHTOOL_GSET;
    if (!ask(device, &settings)) return std::nullopt;
    return EthtoolLink{settings.supported, settings.advertising, settings.autoneg == AUTONEG_ENABLE};
  }

  EthtoolStatistics statistics(const std::string& device) override {
    EthtoolStatistics out;
    ethtool_drvinfo info{};
    info.cmd = ETHTOOL_GDRVINFO;
    if (!ask(device, &info) || info.n_stats == 0 || info.n_stats > kStatisticsMax) return out;
    LongRequest<ethtool_gstrings> names(info.n_stats, ETH_GSTRING_LEN);
    names.head()->cmd = ETHTOOL_GSTRINGS;
    names.head()->string_set = ETH_SS_STATS;
    names.head()->len = info.n_stats;
    LongRequest<ethtool_stats> values(info.n_stats, sizeof(uint64_t));
    values.head()->cmd = ETHTOOL_GSTATS;
    values.head()->n_stats = info.n_stats;
    if (!ask(device, names.head()) || !ask(device, values.head())) return out;
    // The kernel writes how many there were, which is fewer when the driver was reconfigured meanwhile.
    const uint32_t count = std::min({info.n_stats, names.head()->len, values.head()->n_stats});
    for (uint32_t i = 0; i < count; ++i) {
      const char* name = names.pieces() + static_cast<size_t>(i) * ETH_GSTRING_LEN;
      uint64_t value = 0;
      ::memcpy(&value, values.pieces() + i * sizeof value, sizeof value);
      out.emplace_back(std::string(name, ::strnlen(name, ETH_GSTRING_LEN)), value);
    }
    return out;
  }

 private:
  bool ask(const std::string& device, void* request) {
    if (fd_ < 0) fd_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq wrapped{};
    if (fd_ < 0 || device.size() >= sizeof wrapped.ifr_name) return false;
    ::memcpy(wrapped.ifr_name, device.data(), device.size());
    wrapped.ifr_data = static_cast<char*>(request);
    return ::ioctl(fd_, SIOCETHTOOL, &wrapped) == 0;
  }

  int fd_ = -1;
};

}  // namespace

std::shared_ptr<EthtoolSource> kernel_ethtool() { return std::make_shared<KernelEthtool>(); }

}  // namespace tidemark::exporter
