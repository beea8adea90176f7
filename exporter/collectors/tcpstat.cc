// TCP sockets by state, and the bytes that wait in their queues: one dump of the kernel's sockets (sock_diag(7)) for
// each IP version, without the extensions that cost a look into every socket. What is not in any state has no series.
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <unistd.h>

#include <array>

#include "exporter/collectors/collectors.h"
#include "exporter/netlink_socket.h"

namespace tidemark::exporter {
namespace {

// By the kernel's number (include/net/tcp_states.h).
constexpr std::string_view kStates[] = {"unknown",   "established", "syn_sent",   "syn_recv", "fin_wait1", "fin_wait2",
                                        "time_wait", "close",       "close_wait", "last_ack", "listen",    "closing"};
constexpr uint32_t kAllStates = 0xFFF;

struct Counts {
  std::array<uint64_t, std::size(kStates)> sockets{};
  uint64_t receive_queue_bytes = 0;
  uint64_t transmit_queue_bytes = 0;
  bool any = false;
};

Status count_sockets(uint8_t family, int64_t deadline_monotonic_ns, Counts& counts) {
  struct {
    nlmsghdr header;
    inet_diag_req_v2 wanted;
  } request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.wanted.sdiag_family = family;
  request.wanted.sdiag_protocol = IPPROTO_TCP;
  request.wanted.idiag_states = kAllStates;
  return NetlinkSocket(NETLINK_SOCK_DIAG).dump(request.header, deadline_monotonic_ns, [&](const nlmsghdr& answer) {
    if (answer.nlmsg_len < NLMSG_LENGTH(sizeof(inet_diag_msg))) return Status();
    const auto* socket = static_cast<const inet_diag_msg*>(NLMSG_DATA(&answer));
    ++counts.sockets[socket->idiag_state < std::size(kStates) ? socket->idiag_state : 0];
    counts.receive_queue_bytes += socket->idiag_rqueue;
    counts.transmit_queue_bytes += socket->idiag_wqueue;
    counts.any = true;
    return Status();
  });
}

class Tcpstat final : public Collector {
 public:
  explicit Tcpstat(const CollectorConfig& config) : tcp6_(config.procfs + "/net/tcp6") {}

  Status collect(ScrapeContext& context, Families& out) override {
    Counts counts;
    Status status = count_sockets(AF_INET, context.deadline_monotonic_ns(), counts);
    if (status.ok() && ::access(tcp6_.c_str(), F_OK) == 0)
      status = count_sockets(AF_INET6, context.deadline_monotonic_ns(), counts);
    if (!status.ok()) return status;
    auto& states = add_gauge(out, "node_tcp_connection_states",
                             "TCP sockets by state; as states \"rx_queued_bytes\" and \"tx_queued_bytes\" what waits.");
    for (size_t i = 0; i < std::size(kStates); ++i) {
      if (counts.sockets[i] > 0) add_sample(states, static_cast<double>(counts.sockets[i]), {{"state", kStates[i]}});
    }
    if (!counts.any) return {};
    add_sample(states, static_cast<double>(counts.receive_queue_bytes), {{"state", "rx_queued_bytes"}});
    add_sample(states, static_cast<double>(counts.transmit_queue_bytes), {{"state", "tx_queued_bytes"}});
    return {};
  }

 private:
  const std::string tcp6_;
};

}  // namespace

CollectorResult make_tcpstat(const CollectorConfig& config) { return std::make_unique<Tcpstat>(config); }

}  // namespace tidemark::exporter
