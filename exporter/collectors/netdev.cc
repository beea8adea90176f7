// Network interfaces' counters: from rtnetlink, or from /proc/net/dev with --no-collector.netdev.netlink. The file's
// sums are the kernel's own (net/core/net-procfs.c), and they are repeated here for rtnetlink, so both give the same
// numbers; only "nohandler" is not in the file.
//
// With --collector.netdev.enable-detailed-metrics the counters are shown as the kernel keeps them, under other names.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>

#include <array>
#include <bit>
#include <memory>

#include "exporter/collectors/collectors.h"
#include "exporter/device_metrics.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

struct Column {
  std::string_view name;
  std::string_view help;
};

// In the order of /proc/net/dev; the last is rtnetlink's alone.
constexpr Column kColumns[] = {
    {"node_network_receive_bytes_total", "Bytes received."},
    {"node_network_receive_packets_total", "Packets received."},
    {"node_network_receive_errs_total", "Packets received with errors."},
    {"node_network_receive_drop_total", "Packets received and dropped, or missed."},
    {"node_network_receive_fifo_total", "Receive FIFO overruns."},
    {"node_network_receive_frame_total", "Packets received with a bad length, checksum or frame."},
    {"node_network_receive_compressed_total", "Compressed packets received."},
    {"node_network_receive_multicast_total", "Multicast packets received."},
    {"node_network_transmit_bytes_total", "Bytes sent."},
    {"node_network_transmit_packets_total", "Packets sent."},
    {"node_network_transmit_errs_total", "Packets that could not be sent."},
    {"node_network_transmit_drop_total", "Packets dropped on the way out."},
    {"node_network_transmit_fifo_total", "Transmit FIFO underruns."},
    {"node_network_transmit_colls_total", "Collisions while sending."},
    {"node_network_transmit_carrier_total", "Losses of carrier and other failures of the medium while sending."},
    {"node_network_transmit_compressed_total", "Compressed packets sent."},
    {"node_network_receive_nohandler_total", "Packets received for a protocol nobody handles."},
};
constexpr size_t kFileColumns = std::size(kColumns) - 1;

// The kernel's own, of rtnetlink.
struct Detail {
  Column column;
  __u64 rtnl_link_stats64::*counter;
};
constexpr Detail kDetails[] = {
    {{"node_network_receive_bytes_total", "Bytes received."}, &rtnl_link_stats64::rx_bytes},
    {{"node_network_receive_packets_total", "Packets received."}, &rtnl_link_stats64::rx_packets},
    {{"node_network_receive_errors_total", "Packets received with errors."}, &rtnl_link_stats64::rx_errors},
    {{"node_network_receive_dropped_total", "Packets received and dropped."}, &rtnl_link_stats64::rx_dropped},
    {{"node_network_receive_missed_errors_total", "Packets the device had no room for."},
     &rtnl_link_stats64::rx_missed_errors},
    {{"node_network_receive_fifo_errors_total", "Receive FIFO overruns."}, &rtnl_link_stats64::rx_fifo_errors},
    {{"node_network_receive_length_errors_total", "Packets received with a bad length."},
     &rtnl_link_stats64::rx_length_errors},
    {{"node_network_receive_over_errors_total", "Packets received that overran a buffer."},
     &rtnl_link_stats64::rx_over_errors},
    {{"node_network_receive_crc_errors_total", "Packets received with a bad checksum."},
     &rtnl_link_stats64::rx_crc_errors},
    {{"node_network_receive_frame_errors_total", "Packets received with a bad frame."},
     &rtnl_link_stats64::rx_frame_errors},
    {{"node_network_receive_compressed_total", "Compressed packets received."}, &rtnl_link_stats64::rx_compressed},
    {{"node_network_multicast_total", "Multicast packets received."}, &rtnl_link_stats64::multicast},
    {{"node_network_receive_nohandler_total", "Packets received for a protocol nobody handles."},
     &rtnl_link_stats64::rx_nohandler},
    {{"node_network_transmit_bytes_total", "Bytes sent."}, &rtnl_link_stats64::tx_bytes},
    {{"node_network_transmit_packets_total", "Packets sent."}, &rtnl_link_stats64::tx_packets},
    {{"node_network_transmit_errors_total", "Packets that could not be sent."}, &rtnl_link_stats64::tx_errors},
    {{"node_network_transmit_dropped_total", "Packets dropped on the way out."}, &rtnl_link_stats64::tx_dropped},
    {{"node_network_transmit_fifo_errors_total", "Transmit FIFO underruns."}, &rtnl_link_stats64::tx_fifo_errors},
    {{"node_network_collisions_total", "Collisions while sending."}, &rtnl_link_stats64::collisions},
    {{"node_network_transmit_carrier_errors_total", "Losses of carrier while sending."},
     &rtnl_link_stats64::tx_carrier_errors},
    {{"node_network_transmit_aborted_errors_total", "Packets whose sending was given up."},
     &rtnl_link_stats64::tx_aborted_errors},
    {{"node_network_transmit_window_errors_total", "Collisions later than they may be."},
     &rtnl_link_stats64::tx_window_errors},
    {{"node_network_transmit_heartbeat_errors_total", "Missing heartbeats while sending."},
     &rtnl_link_stats64::tx_heartbeat_errors},
    {{"node_network_transmit_compressed_total", "Compressed packets sent."}, &rtnl_link_stats64::tx_compressed},
};

// Detailed names of the file's sums, which are all it has.
std::string_view detailed_file_name(std::string_view name) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"node_network_receive_errs_total", "node_network_receive_errors_total"},
      {"node_network_receive_drop_total", "node_network_receive_dropped_total"},
      {"node_network_transmit_errs_total", "node_network_transmit_errors_total"},
      {"node_network_transmit_drop_total", "node_network_transmit_dropped_total"}};
  for (const auto& [plain, detailed] : kNames) {
    if (name == plain) return detailed;
  }
  return name;
}

std::array<uint64_t, std::size(kColumns)> columns(const rtnl_link_stats64& c) {
  return {c.rx_bytes,
          c.rx_packets,
          c.rx_errors,
          c.rx_dropped + c.rx_missed_errors,
          c.rx_fifo_errors,
          c.rx_length_errors + c.rx_over_errors + c.rx_crc_errors + c.rx_frame_errors,
          c.rx_compressed,
          c.multicast,
          c.tx_bytes,
          c.tx_packets,
          c.tx_errors,
          c.tx_dropped,
          c.tx_fifo_errors,
          c.collisions,
          c.tx_carrier_errors + c.tx_aborted_errors + c.tx_window_errors + c.tx_heartbeat_errors,
          c.tx_compressed,
          c.rx_nohandler};
}

// As upstream calls them: the loopback's are "link-local" too.
std::string_view scope_of(const in_addr& address) {
  const uint32_t bits = ntohl(address.s_addr);
  if (bits >> 24 == 127 || bits >> 16 == 0xA9FE) return "link-local";
  return bits == 0 || bits == ~0U || bits >> 28 == 0xE ? "" : "global";
}
std::string_view scope_of(const in6_addr& address) {
  if (IN6_IS_ADDR_LOOPBACK(&address) || IN6_IS_ADDR_LINKLOCAL(&address)) return "link-local";
  return IN6_IS_ADDR_UNSPECIFIED(&address) || IN6_IS_ADDR_MULTICAST(&address) ? "" : "global";
}

// Bits that are set in the `size` bytes of a netmask.
int prefix_length(const void* mask, size_t size) {
  int bits = 0;
  for (size_t i = 0; i < size; ++i) bits += std::popcount(static_cast<const uint8_t*>(mask)[i]);
  return bits;
}

class Netdev final : public Collector {
 public:
  Netdev(const CollectorConfig& config, NameFilter devices)
      : path_(config.procfs + "/net/dev"),
        links_path_(config.sysfs + "/class/net"),
        netlink_(config.netdev.netlink),
        detailed_(config.netdev.detailed),
        with_alias_(config.netdev.label_ifalias),
        with_addresses_(config.netdev.address_info),
        devices_(std::move(devices)) {}

  Status collect(ScrapeContext& context, Families& out) override {
    Status status;
    if (netlink_ && detailed_) {
      status = ask_kernel_for_details(context, out);
    } else {
      std::array<Family*, std::size(kColumns)> found{};
      for (size_t i = 0; i < found.size(); ++i)
        found[i] =
            &add_counter(out, detailed_ ? detailed_file_name(kColumns[i].name) : kColumns[i].name, kColumns[i].help);
      status = netlink_ ? ask_kernel(context, found, out) : read_file(context, found, out);
    }
    if (status.ok() && with_addresses_) add_addresses(out);
    return status;
  }

 private:
  using Found = std::span<Family* const>;  // In the order of kColumns.

  LabelSet labels_of(std::string_view device, std::string_view alias, Families& out) const {
    return with_alias_ ? out.add_labels({{"device", device}, {"ifalias", alias}})
                       : out.add_labels({{"device", device}});
  }

  Status ask_kernel_for_details(ScrapeContext& context, Families& out) const {
    std::array<Family*, std::size(kDetails)> found{};
    for (size_t i = 0; i < found.size(); ++i)
      found[i] = &add_counter(out, kDetails[i].column.name, kDetails[i].column.help);
    const auto links = context.links();
    if (!links) return links.error();
    for (const Link& link : *links) {
      if (!link.counted || !devices_.shows(link.name)) continue;
      const LabelSet labels = labels_of(link.name, link.alias, out);
      for (size_t i = 0; i < found.size(); ++i)
        add_sample(*found[i], static_cast<double>(link.counters.*kDetails[i].counter), labels);
    }
    return {};
  }

  // What is not IP, and what the kernel does not tell, is left out.
  void add_addresses(Families& out) const {
    auto& info = add_gauge(out, "node_network_address_info", "An address of the interface; always 1.");
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) return;
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, &::freeifaddrs);
    for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next) {
      if (one->ifa_addr == nullptr || one->ifa_netmask == nullptr || !devices_.shows(one->ifa_name)) continue;
      char text[INET6_ADDRSTRLEN] = "";
      std::string_view scope;
      std::string netmask;
      if (one->ifa_addr->sa_family == AF_INET) {
        const in_addr& address = reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr;
        const in_addr& mask = reinterpret_cast<const sockaddr_in*>(one->ifa_netmask)->sin_addr;
        ::inet_ntop(AF_INET, &address, text, sizeof text);
        scope = scope_of(address);
        netmask = std::to_string(prefix_length(&mask, sizeof mask));
      } else if (one->ifa_addr->sa_family == AF_INET6) {
        const in6_addr& address = reinterpret_cast<const sockaddr_in6*>(one->ifa_addr)->sin6_addr;
        const in6_addr& mask = reinterpret_cast<const sockaddr_in6*>(one->ifa_netmask)->sin6_addr;
        ::inet_ntop(AF_INET6, &address, text, sizeof text);
        scope = scope_of(address);
        netmask = std::to_string(prefix_length(&mask, sizeof mask));
      } else {
        continue;
      }
      add_sample(info, 1, {{"address", text}, {"device", one->ifa_name}, {"netmask", netmask}, {"scope", scope}});
    }
  }

  Status ask_kernel(ScrapeContext& context, Found found, Families& out) const {
    const auto links = context.links();
    if (!links) return links.error();
    for (const Link& link : *links) {
      if (!link.counted || !devices_.shows(link.name)) continue;
      const auto values = columns(link.counters);
      const LabelSet labels = labels_of(link.name, link.alias, out);
      for (size_t i = 0; i < values.size(); ++i) add_sample(*found[i], static_cast<double>(values[i]), labels);
    }
    return {};
  }

  Status read_file(ScrapeContext& context, Found found, Families& out) const {
    const auto text = context.read_kept(path_);
    if (!text) return text.error();
    std::string_view rest = *text;
    for (int number = 1; !rest.empty(); ++number) {
      const std::string_view line = next_line(rest);
      if (number <= 2 || trimmed(line).empty()) continue;  // Two lines of titles.
      // The first counter may touch the colon. A name may hold one too (an old alias), so the last counts.
      const size_t colon = line.rfind(':');
      if (colon == line.npos) return Status::invalid(fmt::format("{}:{}: no \"name:\"", path_, number));
      const std::string_view device = trimmed(line.substr(0, colon));
      if (!devices_.shows(device)) continue;
      std::string_view words = line.substr(colon + 1);
      const std::string alias =
          with_alias_ ? Directory(links_path_).text(std::string(device) + "/ifalias").value_or("") : "";
      const LabelSet labels = labels_of(device, alias, out);
      for (size_t i = 0; i < kFileColumns; ++i) {
        const std::string_view word = next_word(words);
        const auto value = to_u64(word);
        if (!value)
          return Status::invalid(fmt::format("{}:{}: counter {} of {} is \"{}\"", path_, number, i + 1, device, word));
        add_sample(*found[i], static_cast<double>(*value), labels);
      }
    }
    return {};
  }

  const std::string path_;
  const std::string links_path_;
  const bool netlink_;
  const bool detailed_;
  const bool with_alias_;
  const bool with_addresses_;
  const NameFilter devices_;
};

}  // namespace

void declare_netdev_flags(CollectorFlags& flags, CollectorConfig& config) {
  flags.add_filter("netdev.device", &config.netdev.devices, "network interfaces");
  flags.add_old_name("netdev.device-whitelist", "netdev.device-include");
  flags.add_old_name("netdev.device-blacklist", "netdev.device-exclude");
  flags.add("netdev.address-info", &config.netdev.address_info, "Show the addresses of interfaces too.");
  flags.add("netdev.enable-detailed-metrics", &config.netdev.detailed,
            "Show the kernel's own counters, under names that tell them apart, instead of sums.");
  flags.add("netdev.label-ifalias", &config.netdev.label_ifalias, "Label counters with the interface's alias.");
  flags.add("netdev.netlink", &config.netdev.netlink, "Ask rtnetlink instead of reading /proc/net/dev.");
}

CollectorResult make_netdev(const CollectorConfig& config) {
  auto devices = NameFilter::compile(config.netdev.devices);
  if (!devices) return fail(devices.error());
  return std::make_unique<Netdev>(config, std::move(*devices));
}

}  // namespace tidemark::exporter
