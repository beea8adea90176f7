// Properties of network interfaces under /sys/class/net/NAME
// (Documentation/ABI/testing/sysfs-class-net). Reading them there costs thirty opens for each interface, several of
// them under the kernel's one lock for all interfaces. A rtnetlink dump, shared with netdev, carries all but five:
// speed and duplex are asked for by one ioctl for each interface that is up, the three others are read when an
// interface is new, has another address, or was last read some time ago. --no-collector.netclass.netlink reads
// everything from sysfs, which does not have the alternative names.
#include <errno.h>
#include <fmt/format.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <unordered_map>

#include "exporter/collectors/collectors.h"
#include "exporter/deadline.h"
#include "exporter/device_metrics.h"
#include "exporter/directory.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

// How often attributes that do not change by themselves are read again, for those who change them by hand.
constexpr int64_t kAttributesKeptNs = 300'000'000'000;
// What the kernel adds to the flags of a device when it tells them over netlink, and sysfs does not show.
constexpr uint32_t kStateFlags = IFF_RUNNING | IFF_LOWER_UP | IFF_DORMANT;

struct Interface {
  std::string_view name;
  std::string_view operstate;
  std::string_view ifalias;
  std::string address;
  std::string broadcast;
  std::string_view duplex;
  std::optional<int64_t> address_assign_type;
  std::optional<int64_t> carrier;
  std::optional<int64_t> carrier_changes;
  std::optional<int64_t> carrier_up;
  std::optional<int64_t> carrier_down;
  std::optional<int64_t> device_id;
  std::optional<int64_t> dormant;
  std::optional<int64_t> flags;
  std::optional<int64_t> index;
  std::optional<int64_t> peer_index;
  std::optional<int64_t> link_mode;
  std::optional<int64_t> mtu;
  std::optional<int64_t> name_assign_type;
  std::optional<int64_t> group;
  std::optional<int64_t> speed_mbit;
  std::optional<int64_t> transmit_queue_length;
  std::optional<int64_t> type;
};

struct Property {
  std::string_view name;
  MetricType type;
  std::string_view help;
  std::optional<int64_t> Interface::*value;
  std::string_view attribute;  // In sysfs.
};

constexpr MetricType kGauge = MetricType::kGauge;
constexpr MetricType kCounter = MetricType::kCounter;
constexpr Property kProperties[] = {
    {"node_network_address_assign_type", kGauge, "How the interface came by its address.",
     &Interface::address_assign_type, "addr_assign_type"},
    {"node_network_carrier", kGauge, "Whether there is a carrier.", &Interface::carrier, "carrier"},
    {"node_network_carrier_changes_total", kCounter, "Times the carrier came or went.", &Interface::carrier_changes,
     "carrier_changes"},
    {"node_network_carrier_down_changes_total", kCounter, "Times the carrier went.", &Interface::carrier_down,
     "carrier_down_count"},
    {"node_network_carrier_up_changes_total", kCounter, "Times the carrier came.", &Interface::carrier_up,
     "carrier_up_count"},
    {"node_network_device_id", kGauge, "Tells interfaces apart that share a device.", &Interface::device_id, "dev_id"},
    {"node_network_dormant", kGauge, "Whether the interface waits for a user space program, such as 802.1X.",
     &Interface::dormant, "dormant"},
    {"node_network_flags", kGauge, "The flags IFF_* of netdevice(7).", &Interface::flags, "flags"},
    {"node_network_iface_id", kGauge, "The interface's index.", &Interface::index, "ifindex"},
    {"node_network_iface_link", kGauge, "Index of the interface it is linked to, its own when to none.",
     &Interface::peer_index, "iflink"},
    {"node_network_iface_link_mode", kGauge, "0: default, 1: dormant.", &Interface::link_mode, "link_mode"},
    {"node_network_mtu_bytes", kGauge, "Largest packet.", &Interface::mtu, "mtu"},
    {"node_network_name_assign_type", kGauge, "How the interface came by its name.", &Interface::name_assign_type,
     "name_assign_type"},
    {"node_network_net_dev_group", kGauge, "The group it was put into.", &Interface::group, "netdev_group"},
    {"node_network_protocol_type", kGauge, "The protocol ARPHRD_* of its hardware.", &Interface::type, "type"},
    {"node_network_transmit_queue_length", kGauge, "Packets its transmit queue may hold.",
     &Interface::transmit_queue_length, "tx_queue_len"},
};

// "1", "-1", or "0x1003".
std::optional<int64_t> to_i64(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const auto v = text.starts_with("0x") ? to_u64(text.substr(2), 16) : to_u64(text);
  if (!v || *v > INT64_MAX) return std::nullopt;
  return negative ? -static_cast<int64_t>(*v) : static_cast<int64_t>(*v);
}

class Found {
 public:
  explicit Found(Families& out)
      : out_(out),
        alternative_names_(add_gauge(out, "node_network_altnames_info", "Other names the interface has.")),
        info_(add_gauge(out, "node_network_info", "What is no number about an interface, as labels.")),
        speed_(add_gauge(out, "node_network_speed_bytes", "Speed of the interface, in bytes a second.")),
        up_(add_gauge(out, "node_network_up", "Whether the interface's operational state is up.")) {
    for (size_t i = 0; i < std::size(kProperties); ++i)
      properties_[i] = &add_family(out, kProperties[i].name, kProperties[i].type, kProperties[i].help);
  }

  void add(const Interface& one, bool ignore_invalid_speed) {
    const LabelSet device = out_.add_labels({{"device", one.name}});
    add_sample(up_, one.operstate == "up" ? 1 : 0, device);
    const std::string_view admin = !one.flags ? "unknown" : (*one.flags & IFF_UP) != 0 ? "up" : "down";
    add_sample(info_, 1,
               {{"address", one.address},
                {"adminstate", admin},
                {"broadcast", one.broadcast},
                {"device", one.name},
                {"duplex", one.duplex},
                {"ifalias", one.ifalias},
                {"operstate", one.operstate}});
    for (size_t i = 0; i < std::size(kProperties); ++i) {
      const auto& value = one.*kProperties[i].value;
      if (value) add_sample(*properties_[i], static_cast<double>(*value), device);
    }
    if (one.speed_mbit && (*one.speed_mbit >= 0 || !ignore_invalid_speed))
      add_sample(speed_, static_cast<double>(*one.speed_mbit * 125'000), device);
  }

  // Any bytes may be in them; one that is no UTF-8 would cost its reader the whole page.
  void add_alternative_names(const Link& link) {
    for (const std::string& name : link.alternative_names)
      add_sample(alternative_names_, 1, {{"altname", valid_utf8(name)}, {"device", link.name}});
  }

 private:
  Families& out_;
  Family& alternative_names_;
  Family& info_;
  Family& speed_;
  Family& up_;
  Family* properties_[std::size(kProperties)];
};

class Netclass final : public Collector {
 public:
  Netclass(const CollectorConfig& config, NameFilter devices)
      : directory_(config.sysfs + "/class/net"),
        netlink_(config.netclass.netlink),
        ignore_invalid_speed_(config.netclass.ignore_invalid_speed),
        devices_(std::move(devices)) {}

  ~Netclass() override {
    if (ioctl_fd_ >= 0) ::close(ioctl_fd_);
  }

  Status collect(ScrapeContext& context, Families& out) override {
    Found found(out);
    return netlink_ ? ask_kernel(context, found) : read_sysfs(context, found);
  }

 private:
  // Attributes only sysfs has.
  struct Kept {
    std::string name;
    LinkAddress address;
    int64_t read_ns = 0;
    uint64_t scrape = 0;  // In which the interface was last there.
    std::optional<int64_t> address_assign_type;
    std::optional<int64_t> device_id;
    std::optional<int64_t> name_assign_type;
  };

  Status ask_kernel(ScrapeContext& context, Found& found) {
    const auto links = context.links();
    if (!links) return links.error();
    ++scrape_;
    const int64_t now_ns = system_clock().monotonic_ns();
    for (const Link& link : *links) {
      if (!devices_.shows(link.name)) continue;
      const Kept& kept = attributes(context, link, now_ns);
      const bool running = (link.flags & IFF_UP) != 0;
      Interface one;
      one.name = link.name;
      one.operstate = operstate_name(link.operstate);
      one.ifalias = link.alias;
      one.address = link.address.text();
      one.broadcast = link.broadcast.text();
      one.address_assign_type = kept.address_assign_type;
      one.device_id = kept.device_id;
      one.name_assign_type = kept.name_assign_type;
      // sysfs has no answer for these while an interface is down.
      if (running) {
        one.carrier = link.carrier ? 1 : 0;
        one.dormant = (link.flags & IFF_DORMANT) != 0 ? 1 : 0;
        ask_speed(link, one);
      }
      one.carrier_changes = link.carrier_changes;
      one.carrier_up = link.carrier_up;
      one.carrier_down = link.carrier_down;
      one.flags = sysfs_flags(link);
      one.index = link.index;
      one.peer_index = link.peer_index;
      one.link_mode = link.link_mode;
      one.mtu = link.mtu;
      one.group = link.group;
      one.transmit_queue_length = link.transmit_queue_length;
      one.type = link.type;
      found.add(one, ignore_invalid_speed_);
      found.add_alternative_names(link);
    }
    if (kept_.size() > links->size())
      std::erase_if(kept_, [this](const auto& entry) { return entry.second.scrape != scrape_; });
    return {};
  }

  // Over netlink, "promiscuous" means that somebody asked by flag; in sysfs, that it is so.
  static int64_t sysfs_flags(const Link& link) {
    uint32_t flags = link.flags & ~(kStateFlags | IFF_PROMISC);
    if (link.promiscuity > 0) flags |= IFF_PROMISC;
    if (link.all_multicast) flags = (flags & ~IFF_ALLMULTI) | (*link.all_multicast > 0 ? IFF_ALLMULTI : 0);
    return flags;
  }

  const Kept& attributes(ScrapeContext& context, const Link& link, int64_t now_ns) {
    Kept& kept = kept_[link.index];
    kept.scrape = scrape_;
    const bool same = kept.read_ns != 0 && kept.name == link.name && kept.address == link.address;
    if (same && now_ns - kept.read_ns < kAttributesKeptNs) return kept;
    kept.name = link.name;
    kept.address = link.address;
    kept.read_ns = now_ns;
    kept.address_assign_type = number(context, link.name, "addr_assign_type");
    kept.device_id = number(context, link.name, "dev_id");
    kept.name_assign_type = number(context, link.name, "name_assign_type");
    return kept;
  }

  void ask_speed(const Link& link, Interface& one) {
    if (ioctl_fd_ < 0) ioctl_fd_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ethtool_cmd command{};
    command.cmd = ETHTOOL_GSET;
    ifreq request{};
    link.name.copy(request.ifr_name, sizeof request.ifr_name - 1);
    request.ifr_data = reinterpret_cast<char*>(&command);
    if (ioctl_fd_ < 0 || ::ioctl(ioctl_fd_, SIOCETHTOOL, &request) != 0) return;
    one.speed_mbit = static_cast<int32_t>(ethtool_cmd_speed(&command));
    one.duplex = command.duplex == DUPLEX_HALF ? "half" : command.duplex == DUPLEX_FULL ? "full" : "unknown";
  }

  Status read_sysfs(ScrapeContext& context, Found& found) {
    const Directory directory(directory_);
    if (!directory.exists()) return Status::io(fmt::format("cannot open the directory {}", directory_));
    for (const std::string& name : directory.names()) {
      if (!devices_.shows(name)) continue;
      if (const Status status = check_deadline(context); !status.ok()) return status.at(directory.path());
      const std::string operstate = text(context, name, "operstate");
      if (operstate.empty() && !number(context, name, "ifindex")) continue;  // Gone meanwhile, or bonding_masters.
      const std::string ifalias = text(context, name, "ifalias");
      const std::string duplex = text(context, name, "duplex");
      Interface one;
      one.name = name;
      one.operstate = operstate;
      one.ifalias = ifalias;
      one.duplex = duplex;
      one.address = text(context, name, "address");
      one.broadcast = text(context, name, "broadcast");
      one.speed_mbit = number(context, name, "speed");
      for (const Property& property : kProperties) one.*property.value = number(context, name, property.attribute);
      found.add(one, ignore_invalid_speed_);
    }
    return {};
  }

  // An attribute that is not there, or has no value while the interface is down, costs itself only.
  std::string text(ScrapeContext& context, std::string_view name, std::string_view attribute) const {
    const auto text = context.read_once(fmt::format("{}/{}/{}", directory_, name, attribute));
    return text ? std::string(trimmed(*text)) : std::string();
  }
  std::optional<int64_t> number(ScrapeContext& context, std::string_view name, std::string_view attribute) const {
    return to_i64(text(context, name, attribute));
  }

  const std::string directory_;
  const bool netlink_;
  const bool ignore_invalid_speed_;
  const NameFilter devices_;
  int ioctl_fd_ = -1;
  uint64_t scrape_ = 0;
  std::unordered_map<uint32_t, Kept> kept_;  // By index.
};

}  // namespace

void declare_netclass_flags(CollectorFlags& flags, CollectorConfig& config) {
  flags.add("netclass.ignored-devices", &config.netclass.ignored_devices,
            "Regular expression of network interfaces not to show.");
  flags.add("netclass.ignore-invalid-speed", &config.netclass.ignore_invalid_speed,
            "Leave out the speed of interfaces that do not know theirs.");
  flags.add("netclass.netlink", &config.netclass.netlink, "Ask rtnetlink for what it has instead of reading sysfs.");
  flags.add_ignored("netclass_rtnl.with-stats", CollectorFlags::Kind::kSwitch,
                    "netdev shows the counters, from the same rtnetlink dump");
}

CollectorResult make_netclass(const CollectorConfig& config) {
  auto devices = NameFilter::compile({"", config.netclass.ignored_devices});
  if (!devices) return fail(devices.error());
  return std::make_unique<Netclass>(config, std::move(*devices));
}

}  // namespace tidemark::exporter
