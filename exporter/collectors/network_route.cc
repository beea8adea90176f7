// Unicast routes of all tables: one rtnetlink dump (RTM_GETROUTE; see rtnetlink(7)). A host with many routes shows
// 10,000 of them and counts all.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include <algorithm>
#include <map>
#include <set>

#include "exporter/collectors/collectors.h"
#include "exporter/netlink_socket.h"

namespace tidemark::exporter {
namespace {

constexpr size_t kRoutesShownMax = 10'000;

std::string_view protocol_name(uint8_t protocol) {
  switch (protocol) {
    case 0:
      return "unspec";
    case 1:
      return "redirect";
    case 2:
      return "kernel";
    case 3:
      return "boot";
    case 4:
      return "static";
    case 8:
      return "gated";
    case 9:
      return "ra";
    case 10:
      return "mrt";
    case 11:
      return "zebra";
    case 12:
      return "bird";
    case 13:
      return "dnrouted";
    case 14:
      return "xorp";
    case 15:
      return "ntk";
    case 16:
      return "dhcp";
    case 17:
      return "mrouted";
    case 42:
      return "babel";
    case 186:
      return "bgp";
    case 187:
      return "isis";
    case 188:
      return "ospf";
    case 189:
      return "rip";
    case 192:
      return "eigrp";
    default:
      return "unknown";
  }
}

std::string address_text(const rtattr* attribute) {
  char text[INET6_ADDRSTRLEN] = "";
  const size_t bytes = RTA_PAYLOAD(attribute);
  const int family = bytes == sizeof(in_addr) ? AF_INET : AF_INET6;
  if (bytes == sizeof(in_addr) || bytes == sizeof(in6_addr))
    ::inet_ntop(family, RTA_DATA(attribute), text, sizeof text);
  return text;
}

uint32_t number(const rtattr* attribute) {
  uint32_t v = 0;
  ::memcpy(&v, RTA_DATA(attribute), std::min<size_t>(RTA_PAYLOAD(attribute), sizeof v));
  return v;
}

struct Hop {
  uint32_t interface = 0;
  std::string gateway;
  std::string weight;  // "": the only one.
};

struct Route {
  std::string destination = "default";
  std::string source;
  uint32_t priority = 0;
  std::string_view protocol;
  std::vector<Hop> hops;
};

// The next hops of RTA_MULTIPATH.
void read_hops(const rtattr* attribute, std::vector<Hop>& out) {
  auto left = static_cast<int>(RTA_PAYLOAD(attribute));
  for (const auto* hop = static_cast<const rtnexthop*>(RTA_DATA(attribute)); RTNH_OK(hop, left);) {
    Hop& one = out.emplace_back();
    one.interface = static_cast<uint32_t>(hop->rtnh_ifindex);
    one.weight = std::to_string(hop->rtnh_hops + 1);
    auto inner = static_cast<int>(hop->rtnh_len) - static_cast<int>(RTNH_LENGTH(0));
    for (const rtattr* detail = RTNH_DATA(hop); RTA_OK(detail, inner); detail = RTA_NEXT(detail, inner)) {
      if (detail->rta_type == RTA_GATEWAY) one.gateway = address_text(detail);
    }
    left -= static_cast<int>(RTNH_ALIGN(hop->rtnh_len));
    hop = RTNH_NEXT(hop);
  }
}

Route read_route(const rtmsg* head, int left) {
  Route route;
  route.protocol = protocol_name(head->rtm_protocol);
  Hop only;
  for (const auto* one =
           reinterpret_cast<const rtattr*>(reinterpret_cast<const char*>(head) + NLMSG_ALIGN(sizeof *head));
       RTA_OK(one, left); one = RTA_NEXT(one, left)) {
    if (one->rta_type == RTA_DST && head->rtm_dst_len > 0)
      route.destination = fmt::format("{}/{}", address_text(one), head->rtm_dst_len);
    if (one->rta_type == RTA_PREFSRC) route.source = address_text(one);
    if (one->rta_type == RTA_PRIORITY) route.priority = number(one);
    if (one->rta_type == RTA_GATEWAY) only.gateway = address_text(one);
    if (one->rta_type == RTA_OIF) only.interface = number(one);
    if (one->rta_type == RTA_MULTIPATH) read_hops(one, route.hops);
  }
  if (route.hops.empty()) route.hops.push_back(std::move(only));
  return route;
}

class NetworkRoute final : public Collector {
 public:
  Status collect(ScrapeContext& context, Families& out) override {
    auto& info = add_gauge(out, "node_network_route_info", "A route; always 1.");
    auto& count = add_gauge(out, "node_network_routes", "Routes over the interface.");
    std::map<uint32_t, std::string> names;
    std::map<std::string, uint64_t> counts;
    std::set<std::string> shown;  // Several tables may hold the same route.
    struct {
      nlmsghdr header;
      rtmsg what;
    } request{};
    request.header.nlmsg_len = sizeof request;
    request.header.nlmsg_type = RTM_GETROUTE;
    const auto on_answer = [&](const nlmsghdr& answer) {
      const auto* head = static_cast<const rtmsg*>(NLMSG_DATA(&answer));
      if (answer.nlmsg_type != RTM_NEWROUTE || answer.nlmsg_len < NLMSG_LENGTH(sizeof *head)) return Status();
      if (head->rtm_type != RTN_UNICAST) return Status();
      const Route route = read_route(head, static_cast<int>(answer.nlmsg_len - NLMSG_LENGTH(sizeof *head)));
      for (const Hop& hop : route.hops) {
        const std::string& device = name_of(hop.interface, names);
        ++counts[device];
        if (shown.size() == kRoutesShownMax) continue;
        const std::string priority = std::to_string(route.priority);
        if (!shown
                 .insert(fmt::format("{} {} {} {} {} {} {}", route.destination, device, hop.gateway, priority,
                                     route.protocol, route.source, hop.weight))
                 .second)
          continue;
        add_sample(info, 1,
                   {{"dest", route.destination},
                    {"device", device},
                    {"gw", hop.gateway},
                    {"priority", priority},
                    {"proto", route.protocol},
                    {"src", route.source},
                    {"weight", hop.weight}});
      }
      return Status();
    };
    Status status = NetlinkSocket(NETLINK_ROUTE).dump(request.header, context.deadline_monotonic_ns(), on_answer);
    if (!status.ok()) return status;
    for (const auto& [device, routes] : counts) add_sample(count, static_cast<double>(routes), {{"device", device}});
    return {};
  }

 private:
  static const std::string& name_of(uint32_t interface, std::map<uint32_t, std::string>& names) {
    const auto [found, is_new] = names.try_emplace(interface);
    char name[IF_NAMESIZE];
    if (is_new && ::if_indextoname(interface, name) != nullptr) found->second = name;
    return found->second;
  }
};

}  // namespace

CollectorResult make_network_route(const CollectorConfig& /*config*/) { return std::make_unique<NetworkRoute>(); }

}  // namespace tidemark::exporter
