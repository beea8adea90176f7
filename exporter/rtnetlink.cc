#include "exporter/rtnetlink.h"

#include <fmt/format.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include <algorithm>

#include "model/clock.h"

namespace tidemark::exporter {
namespace {

constexpr size_t kLinksMax = 65'536;
constexpr size_t kNeighboursMax = 1'048'576;
constexpr int64_t kPatienceNs = 2'000'000'000;

template <class T>
T number(const rtattr* attribute) {
  T v{};
  ::memcpy(&v, RTA_DATA(attribute), std::min<size_t>(RTA_PAYLOAD(attribute), sizeof v));
  return v;
}

std::string_view text(const rtattr* attribute) {
  const char* data = static_cast<const char*>(RTA_DATA(attribute));
  return {data, ::strnlen(data, RTA_PAYLOAD(attribute))};
}

LinkAddress address(const rtattr* attribute) {
  LinkAddress out;
  out.size = static_cast<uint8_t>(std::min<size_t>(RTA_PAYLOAD(attribute), out.bytes.size()));
  ::memcpy(out.bytes.data(), RTA_DATA(attribute), out.size);
  return out;
}

// A nest of attributes, one for each name.
void read_alternative_names(rtattr* nest, std::vector<std::string>& out) {
  auto length = static_cast<int>(RTA_PAYLOAD(nest));
  for (auto* one = static_cast<rtattr*>(RTA_DATA(nest)); RTA_OK(one, length); one = RTA_NEXT(one, length)) {
    if ((one->rta_type & NLA_TYPE_MASK) == IFLA_ALT_IFNAME) out.emplace_back(text(one));
  }
}

void read_attribute(rtattr* attribute, Link& link) {
  switch (attribute->rta_type & NLA_TYPE_MASK) {  // Some nests are flagged as such, some are not.
    case IFLA_IFNAME:
      link.name = text(attribute);
      break;
    case IFLA_IFALIAS:
      link.alias = text(attribute);
      break;
    case IFLA_PROP_LIST:
      read_alternative_names(attribute, link.alternative_names);
      break;
    case IFLA_ADDRESS:
      link.address = address(attribute);
      break;
    case IFLA_BROADCAST:
      link.broadcast = address(attribute);
      break;
    case IFLA_OPERSTATE:
      link.operstate = number<uint8_t>(attribute);
      break;
    case IFLA_LINKMODE:
      link.link_mode = number<uint8_t>(attribute);
      break;
    case IFLA_CARRIER:
      link.carrier = number<uint8_t>(attribute) != 0;
      break;
    case IFLA_MTU:
      link.mtu = number<uint32_t>(attribute);
      break;
    case IFLA_GROUP:
      link.group = number<uint32_t>(attribute);
      break;
    case IFLA_TXQLEN:
      link.transmit_queue_length = number<uint32_t>(attribute);
      break;
    case IFLA_LINK:
      link.peer_index = number<uint32_t>(attribute);
      break;
    case IFLA_PROMISCUITY:
      link.promiscuity = number<uint32_t>(attribute);
      break;
    case IFLA_ALLMULTI:
      link.all_multicast = number<uint32_t>(attribute);
      break;
    case IFLA_CARRIER_CHANGES:
      link.carrier_changes = number<uint32_t>(attribute);
      break;
    case IFLA_CARRIER_UP_COUNT:
      link.carrier_up = number<uint32_t>(attribute);
      break;
    case IFLA_CARRIER_DOWN_COUNT:
      link.carrier_down = number<uint32_t>(attribute);
      break;
    case IFLA_STATS64:
      // Older kernels send fewer counters, newer ones more.
      link.counters = number<rtnl_link_stats64>(attribute);
      link.counted = true;
      break;
    default:
      break;
  }
}

// What a message does not say must not be what the interface before it said.
void reset(Link& link) {
  std::string name = std::move(link.name);
  std::string alias = std::move(link.alias);
  std::vector<std::string> alternative_names = std::move(link.alternative_names);
  link = Link();
  name.clear();
  alias.clear();
  alternative_names.clear();
  link.name = std::move(name);
  link.alias = std::move(alias);
  link.alternative_names = std::move(alternative_names);
}

}  // namespace

std::string LinkAddress::text() const {
  std::string out;
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (size_t i = 0; i < size; ++i) {
    if (i > 0) out += ':';
    out += kDigits[bytes[i] >> 4];
    out += kDigits[bytes[i] & 15];
  }
  return out;
}

std::string_view operstate_name(uint8_t operstate) {
  static constexpr std::string_view kNames[] = {"unknown", "notpresent", "down", "lowerlayerdown",
                                                "testing", "dormant",    "up"};
  return operstate < std::size(kNames) ? kNames[operstate] : kNames[0];
}

Status Rtnetlink::dump(nlmsghdr& request, const NetlinkSocket::OnAnswer& on_message) {
  return socket_.dump(request, system_clock().monotonic_ns() + kPatienceNs, on_message);
}

Status Rtnetlink::read_links(LinkTable& out) {
  struct {
    nlmsghdr header;
    ifinfomsg link;
  } request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_GETLINK;
  request.link.ifi_family = AF_UNSPEC;
  out.size_ = 0;
  return dump(request.header, [&](nlmsghdr& message) -> Status {
    auto* header = static_cast<ifinfomsg*>(NLMSG_DATA(&message));
    if (message.nlmsg_type != RTM_NEWLINK || message.nlmsg_len < NLMSG_LENGTH(sizeof *header)) return {};
    if (out.size_ == kLinksMax) return Status::limit("rtnetlink: more than 65,536 interfaces");
    if (out.size_ == out.links_.size()) out.links_.emplace_back();
    Link& link = out.links_[out.size_];
    reset(link);
    link.index = static_cast<uint32_t>(header->ifi_index);
    link.peer_index = link.index;
    link.type = header->ifi_type;
    link.flags = header->ifi_flags;
    auto length = static_cast<int>(IFLA_PAYLOAD(&message));
    for (rtattr* attribute = IFLA_RTA(header); RTA_OK(attribute, length); attribute = RTA_NEXT(attribute, length))
      read_attribute(attribute, link);
    if (!link.name.empty()) ++out.size_;
    return {};
  });
}

Status Rtnetlink::count_arp_entries(std::vector<std::pair<uint32_t, uint64_t>>& out) {
  struct {
    nlmsghdr header;
    ndmsg neighbour;
  } request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_GETNEIGH;
  request.neighbour.ndm_family = AF_INET;
  out.clear();
  size_t seen = 0;
  return dump(request.header, [&](nlmsghdr& message) -> Status {
    const auto* entry = static_cast<const ndmsg*>(NLMSG_DATA(&message));
    if (message.nlmsg_type != RTM_NEWNEIGH || message.nlmsg_len < NLMSG_LENGTH(sizeof *entry)) return {};
    if (++seen > kNeighboursMax) return Status::limit("rtnetlink: more than 1,048,576 neighbours");
    if ((entry->ndm_state & NUD_NOARP) != 0) return {};
    const auto index = static_cast<uint32_t>(entry->ndm_ifindex);
    // Neighbours come in the order of a hash table; few interfaces have any.
    const auto found = std::find_if(out.begin(), out.end(), [&](const auto& pair) { return pair.first == index; });
    if (found == out.end()) {
      out.emplace_back(index, 1);
    } else {
      ++found->second;
    }
    return {};
  });
}

}  // namespace tidemark::exporter
