// Network interfaces' counters: from rtnetlink, or from /proc/net/dev with --no-collector.netdev.netlink. The file's
// sums are the kernel's own (net/core/net-procfs.c), and they are repeated here for rtnetlink, so both give the same
// numbers; only "nohandler" is not in the file.
#include <fmt/format.h>

#include <array>

#include "exporter/collectors/collectors.h"
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

class Netdev final : public Collector {
 public:
  Netdev(const CollectorConfig& config, NameFilter devices)
      : path_(config.procfs + "/net/dev"), netlink_(config.netdev.netlink), devices_(std::move(devices)) {}

  Status collect(ScrapeContext& context, Families& out) override {
    std::array<Family*, std::size(kColumns)> found{};
    for (size_t i = 0; i < found.size(); ++i) found[i] = &add_counter(out, kColumns[i].name, kColumns[i].help);
    return netlink_ ? ask_kernel(context, found, out) : read_file(context, found, out);
  }

 private:
  using Found = std::span<Family* const>;  // In the order of kColumns.

  Status ask_kernel(ScrapeContext& context, Found found, Families& out) const {
    const auto links = context.links();
    if (!links) return links.error();
    for (const Link& link : *links) {
      if (!link.counted || !devices_.shows(link.name)) continue;
      const auto values = columns(link.counters);
      const LabelSet labels = out.add_labels({{"device", link.name}});
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
      const LabelSet labels = out.add_labels({{"device", device}});
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
  const bool netlink_;
  const NameFilter devices_;
};

}  // namespace

void declare_netdev_flags(CollectorFlags& flags, CollectorConfig& config) {
  flags.add_filter("netdev.device", &config.netdev.devices, "network interfaces");
  flags.add_old_name("netdev.device-whitelist", "netdev.device-include");
  flags.add_old_name("netdev.device-blacklist", "netdev.device-exclude");
  flags.add("netdev.netlink", &config.netdev.netlink, "Ask rtnetlink instead of reading /proc/net/dev.");
}

CollectorResult make_netdev(const CollectorConfig& config) {
  auto devices = NameFilter::compile(config.netdev.devices);
  if (!devices) return fail(devices.error());
  return std::make_unique<Netdev>(config, std::move(*devices));
}

}  // namespace tidemark::exporter
