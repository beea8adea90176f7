// What the kernel says over rtnetlink about this network namespace: its interfaces with their counters (RTM_GETLINK)
// and their neighbours (RTM_GETNEIGH). One exchange whatever the number of interfaces, where sysfs costs an open for
// each of thirty attributes of each. See rtnetlink(7).
#pragma once

#include <linux/if_link.h>
#include <linux/netlink.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/netlink_socket.h"
#include "model/status.h"

namespace tidemark::exporter {

// A hardware address: as many bytes as the kind of interface has.
struct LinkAddress {
  std::array<uint8_t, 32> bytes{};
  uint8_t size = 0;

  bool operator==(const LinkAddress&) const = default;
  std::string text() const;  // "02:fc:00:00:00:01"; "" when there is none.
};

struct Link {
  uint32_t index = 0;
  std::string name;
  std::string alias;
  std::vector<std::string> alternative_names;  // Kernels before 5.5 have none.
  LinkAddress address;
  LinkAddress broadcast;
  uint16_t type = 0;      // ARPHRD_*.
  uint32_t flags = 0;     // IFF_*.
  uint8_t operstate = 0;  // IF_OPER_*.
  uint8_t link_mode = 0;  // IF_LINK_MODE_*.
  bool carrier = false;   // Means something when IFF_UP is set.
  uint32_t mtu = 0;
  uint32_t group = 0;
  uint32_t transmit_queue_length = 0;
  uint32_t peer_index = 0;                // What it is linked to (iflink); its own index when to nothing.
  uint32_t promiscuity = 0;               // How many asked for all packets.
  std::optional<uint32_t> all_multicast;  // How many asked for all multicast packets; kernels before 6.0 do not say.
  std::optional<uint32_t> carrier_changes;
  std::optional<uint32_t> carrier_up;  // Kernels before 4.16 do not say.
  std::optional<uint32_t> carrier_down;
  bool counted = false;  // `counters` were sent.
  rtnl_link_stats64 counters{};
};

// IF_OPER_* by the names sysfs has.
std::string_view operstate_name(uint8_t operstate);

// The links of a dump; keeps its memory from one to the next.
class LinkTable {
 public:
  std::span<const Link> links() const { return {links_.data(), size_}; }

 private:
  friend class Rtnetlink;
  std::vector<Link> links_;
  size_t size_ = 0;
};

// A socket, opened when first needed and kept. One thread at a time.
class Rtnetlink {
 public:
  // At most 65,536 interfaces. As every dump, waits at most two seconds for the kernel.
  Status read_links(LinkTable& out);

  // Counts the entries of the ARP table by the index of their interface, as pairs in no order: those of
  // /proc/net/arp, thus without the ones that need no resolution. At most 1,048,576 entries.
  Status count_arp_entries(std::vector<std::pair<uint32_t, uint64_t>>& out);

 private:
  // Asks for a dump with `request`, a whole message, and hands out its answers.
  Status dump(nlmsghdr& request, const NetlinkSocket::OnAnswer& on_message);

  NetlinkSocket socket_{NETLINK_ROUTE};
};

}  // namespace tidemark::exporter
