// Queueing disciplines at the root of each interface: one rtnetlink dump (RTM_GETQDISC; tc(8) shows the same).
#include <linux/gen_stats.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include <algorithm>

#include "exporter/collectors/collectors.h"
#include "exporter/netlink_socket.h"

namespace tidemark::exporter {
namespace {

struct Queue {
  std::string_view kind;
  uint64_t bytes = 0;
  uint64_t packets = 0;
  gnet_stats_queue counts{};
};

template <class T>
T payload(const rtattr* attribute) {  // What an older kernel does not send is zero.
  T v{};
  ::memcpy(&v, RTA_DATA(attribute), std::min<size_t>(RTA_PAYLOAD(attribute), sizeof v));
  return v;
}

void read_statistics(const rtattr* nested, Queue& queue) {
  auto length = static_cast<int>(RTA_PAYLOAD(nested));
  for (const auto* one = static_cast<const rtattr*>(RTA_DATA(nested)); RTA_OK(one, length);
       one = RTA_NEXT(one, length)) {
    if (one->rta_type == TCA_STATS_BASIC) {
      const auto basic = payload<gnet_stats_basic>(one);
      queue.bytes = basic.bytes;
      queue.packets = basic.packets;
    } else if (one->rta_type == TCA_STATS_QUEUE) {
      queue.counts = payload<gnet_stats_queue>(one);
    }
  }
}

class Qdisc final : public Collector {
 public:
  explicit Qdisc(NameFilter devices) : devices_(std::move(devices)) {}

  Status collect(ScrapeContext& context, Families& out) override {
    auto& backlog = add_gauge(out, "node_qdisc_backlog", "Bytes that wait.");
    auto& bytes = add_counter(out, "node_qdisc_bytes_total", "Bytes sent.");
    auto& length = add_gauge(out, "node_qdisc_current_queue_length", "Packets that wait.");
    auto& drops = add_counter(out, "node_qdisc_drops_total", "Packets dropped.");
    auto& overlimits = add_counter(out, "node_qdisc_overlimits_total", "Packets that came too fast.");
    auto& packets = add_counter(out, "node_qdisc_packets_total", "Packets sent.");
    auto& requeues = add_counter(out, "node_qdisc_requeues_total", "Packets put back.");
    struct {
      nlmsghdr header;
      tcmsg what;
    } request{};
    request.header.nlmsg_len = sizeof request;
    request.header.nlmsg_type = RTM_GETQDISC;
    return NetlinkSocket(NETLINK_ROUTE)
        .dump(request.header, context.deadline_monotonic_ns(), [&](const nlmsghdr& answer) {
          const auto* head = static_cast<const tcmsg*>(NLMSG_DATA(&answer));
          if (answer.nlmsg_type != RTM_NEWQDISC || answer.nlmsg_len < NLMSG_LENGTH(sizeof *head)) return Status();
          if (head->tcm_parent != TC_H_ROOT && head->tcm_parent != 0) return Status();
          char device[IF_NAMESIZE];
          if (::if_indextoname(static_cast<unsigned>(head->tcm_ifindex), device) == nullptr) return Status();
          if (!devices_.shows(device)) return Status();
          Queue queue;
          auto left = static_cast<int>(answer.nlmsg_len - NLMSG_LENGTH(sizeof *head));
          for (const auto* one =
                   reinterpret_cast<const rtattr*>(reinterpret_cast<const char*>(head) + NLMSG_ALIGN(sizeof *head));
               RTA_OK(one, left); one = RTA_NEXT(one, left)) {
            if (one->rta_type == TCA_STATS2) read_statistics(one, queue);
            if (one->rta_type != TCA_KIND) continue;
            const char* kind = static_cast<const char*>(RTA_DATA(one));
            queue.kind = {kind, ::strnlen(kind, RTA_PAYLOAD(one))};
          }
          const LabelSet labels = out.add_labels({{"device", device}, {"kind", queue.kind}});
          add_sample(backlog, queue.counts.backlog, labels);
          add_sample(bytes, static_cast<double>(queue.bytes), labels);
          add_sample(length, queue.counts.qlen, labels);
          add_sample(drops, queue.counts.drops, labels);
          add_sample(overlimits, queue.counts.overlimits, labels);
          add_sample(packets, static_cast<double>(queue.packets), labels);
          add_sample(requeues, queue.counts.requeues, labels);
          return Status();
        });
  }

 private:
  const NameFilter devices_;
};

}  // namespace

void declare_qdisc_flags(CollectorFlags& flags, CollectorConfig& config) {
  flags.add_filter("qdisc.device", &config.qdisc.devices, "network interfaces");
  flags.add_old_name("qdisk.device-include", "qdisc.device-include");
  flags.add_old_name("qdisk.device-exclude", "qdisc.device-exclude");
  flags.add_ignored("qdisc.fixtures", CollectorFlags::Kind::kValue, "it is for node_exporter's own tests");
}

CollectorResult make_qdisc(const CollectorConfig& config) {
  auto devices = NameFilter::compile(config.qdisc.devices);
  if (!devices) return fail(devices.error());
  return std::make_unique<Qdisc>(std::move(*devices));
}

}  // namespace tidemark::exporter
