// Sockets of this network namespace: how many there are of each protocol in each state, and for each port somebody
// listens on how many connections it has and how full the queue of those is that wait to be accepted. From one
// sock_diag(7) dump for each protocol and IP version. The --collector.sockets.ports-max ports with most connections are
// shown, the rest counted.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <map>

#include "exporter/collectors/collectors.h"
#include "exporter/netlink_socket.h"

namespace tidemark::exporter {
namespace {

// By the kernel's number (include/net/tcp_states.h).
constexpr std::string_view kStates[] = {"unknown",   "established", "syn_sent",    "syn_recv",   "fin_wait1",
                                        "fin_wait2", "time_wait",   "close",       "close_wait", "last_ack",
                                        "listen",    "closing",     "new_syn_recv"};
constexpr uint8_t kEstablished = 1;
constexpr uint8_t kClose = 7;  // What UDP calls a socket that has no peer.
constexpr uint8_t kListen = 10;
constexpr uint32_t kAllStates = 0x1FFF;
constexpr int64_t kPortsMax = 65'536;

struct Protocol {
  std::string_view name;
  uint8_t family;
  uint8_t number;
};
constexpr Protocol kProtocols[] = {{"tcp", AF_INET, IPPROTO_TCP},
                                   {"tcp6", AF_INET6, IPPROTO_TCP},
                                   {"udp", AF_INET, IPPROTO_UDP},
                                   {"udp6", AF_INET6, IPPROTO_UDP}};

struct Port {
  uint64_t listening = 0;  // Sockets: a port may have several.
  uint64_t established = 0;
  uint64_t waiting = 0;  // To be accepted; of UDP, bytes to be read.
  uint64_t waiting_max = 0;
};

struct Counts {
  std::array<uint64_t, std::size(kStates)> states{};
  std::map<uint16_t, Port> ports;
};

Status count_sockets(const Protocol& protocol, int64_t deadline_monotonic_ns, Counts& counts) {
  struct {
    nlmsghdr header;
    inet_diag_req_v2 wanted;
  } request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.wanted.sdiag_family = protocol.family;
  request.wanted.sdiag_protocol = protocol.number;
  request.wanted.idiag_states = kAllStates;
  const bool is_udp = protocol.number == IPPROTO_UDP;
  return NetlinkSocket(NETLINK_SOCK_DIAG).dump(request.header, deadline_monotonic_ns, [&](const nlmsghdr& answer) {
    if (answer.nlmsg_len < NLMSG_LENGTH(sizeof(inet_diag_msg))) return Status();
    const auto* socket = static_cast<const inet_diag_msg*>(NLMSG_DATA(&answer));
    ++counts.states[socket->idiag_state < std::size(kStates) ? socket->idiag_state : 0];
    Port& port = counts.ports[ntohs(socket->id.idiag_sport)];
    if (socket->idiag_state == kEstablished) ++port.established;
    if (socket->idiag_state != (is_udp ? kClose : kListen)) return Status();
    ++port.listening;
    port.waiting += socket->idiag_rqueue;
    if (!is_udp) port.waiting_max += socket->idiag_wqueue;
    return Status();
  });
}

class Sockets final : public Collector {
 public:
  explicit Sockets(const CollectorConfig& config) : ports_max_(static_cast<size_t>(config.sockets.ports_max)) {}

  Status collect(ScrapeContext& context, Families& out) override {
    auto& sockets = add_gauge(out, "tidemark_sockets", "Sockets by protocol and state.");
    auto& established =
        add_gauge(out, "tidemark_sockets_port_established", "Connections of a port somebody listens on.");
    auto& waiting = add_gauge(out, "tidemark_sockets_port_accept_queue_length",
                              "Connections that wait to be accepted, by the port they came to.");
    auto& waiting_max = add_gauge(out, "tidemark_sockets_port_accept_queue_max",
                                  "How many may wait to be accepted before others are turned away.");
    auto& unread = add_gauge(out, "tidemark_sockets_port_receive_queue_bytes",
                             "Bytes that wait to be read, by the UDP port they came to.");
    uint64_t dropped = 0;
    for (const Protocol& protocol : kProtocols) {
      Counts counts;
      if (Status status = count_sockets(protocol, context.deadline_monotonic_ns(), counts); !status.ok())
        return status.at(protocol.name);
      for (size_t i = 0; i < std::size(kStates); ++i) {
        if (counts.states[i] > 0)
          add_sample(sockets, static_cast<double>(counts.states[i]),
                     {{"protocol", protocol.name}, {"state", kStates[i]}});
      }
      const auto ports = busiest(counts, dropped);
      for (const auto& [number, port] : ports) {
        const std::string text = std::to_string(number);
        const LabelSet labels = out.add_labels({{"port", text}, {"protocol", protocol.name}});
        if (protocol.number == IPPROTO_UDP) {
          add_sample(unread, static_cast<double>(port.waiting), labels);
          continue;
        }
        add_sample(established, static_cast<double>(port.established), labels);
        add_sample(waiting, static_cast<double>(port.waiting), labels);
        add_sample(waiting_max, static_cast<double>(port.waiting_max), labels);
      }
    }
    add_sample(add_gauge(out, "tidemark_sockets_dropped_ports",
                         "Ports somebody listens on that are not shown because there are more than may be."),
               static_cast<double>(dropped));
    return {};
  }

 private:
  // Ports that somebody listens on, by their numbers; of more than may be shown those with most to do.
  std::vector<std::pair<uint16_t, Port>> busiest(const Counts& counts, uint64_t& dropped) const {
    std::vector<std::pair<uint16_t, Port>> out;
    for (const auto& one : counts.ports) {
      if (one.second.listening > 0) out.push_back(one);
    }
    if (out.size() <= ports_max_) return out;
    std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
      return a.second.established + a.second.waiting > b.second.established + b.second.waiting;
    });
    dropped += out.size() - ports_max_;
    out.resize(ports_max_);
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    return out;
  }

  const size_t ports_max_;
};

}  // namespace

void declare_sockets_flags(CollectorFlags& flags, CollectorConfig& config) {
  flags.add("sockets.ports-max", &config.sockets.ports_max, "How many ports to show of each protocol at most.");
}

CollectorResult make_sockets(const CollectorConfig& config) {
  if (config.sockets.ports_max < 0 || config.sockets.ports_max > kPortsMax)
    return fail(Status::invalid(
        fmt::format("--collector.sockets.ports-max is {}, it must be 0 to {}", config.sockets.ports_max, kPortsMax)));
  return std::make_unique<Sockets>(config);
}

}  // namespace tidemark::exporter
