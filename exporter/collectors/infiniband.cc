// InfiniBand and RoCE devices: /sys/class/infiniband/<device>/ports/<port>, whose counters are in counters/,
// counters_ext/ (old drivers) and hw_counters/ (Documentation/ABI/stable/sysfs-class-infiniband). Data is counted in
// words of four bytes.
#include "exporter/collectors/collectors.h"
#include "exporter/deadline.h"
#include "exporter/device_metrics.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

constexpr MetricType kGauge = MetricType::kGauge;
constexpr MetricType kCounter = MetricType::kCounter;
constexpr double kWord = 1.0 / 4;
constexpr double kBytesPerGigabit = 125'000'000;

constexpr Attribute kAttributes[] = {
    {"counters/VL15_dropped", "node_infiniband_vl15_dropped_total", "Management packets dropped.", kCounter},
    {"counters/excessive_buffer_overrun_errors", "node_infiniband_excessive_buffer_overrun_errors_total",
     "Times the buffer ran over too often.", kCounter},
    {"counters/link_downed", "node_infiniband_link_downed_total", "Times the link failed for good.", kCounter},
    {"counters/link_error_recovery", "node_infiniband_link_error_recovery_total", "Times the link recovered.",
     kCounter},
    {"counters/local_link_integrity_errors", "node_infiniband_local_link_integrity_errors_total",
     "Times local errors were too many.", kCounter},
    {"counters/multicast_rcv_packets", "node_infiniband_multicast_packets_received_total",
     "Multicast packets received.", kCounter},
    {"counters/multicast_xmit_packets", "node_infiniband_multicast_packets_transmitted_total",
     "Multicast packets sent.", kCounter},
    {"counters/port_rcv_constraint_errors", "node_infiniband_port_constraint_errors_received_total",
     "Packets received and refused by a filter.", kCounter},
    {"counters/port_rcv_data", "node_infiniband_port_data_received_bytes_total", "Bytes received.", kCounter, kWord},
    {"counters/port_rcv_discards", "node_infiniband_port_discards_received_total", "Packets received and dropped.",
     kCounter},
    {"counters/port_rcv_errors", "node_infiniband_port_errors_received_total", "Packets received with an error.",
     kCounter},
    {"counters/port_rcv_packets", "node_infiniband_port_packets_received_total", "Packets received.", kCounter},
    {"counters/port_rcv_remote_physical_errors", "node_infiniband_port_receive_remote_physical_errors_total",
     "Packets received that were marked as bad.", kCounter},
    {"counters/port_rcv_switch_relay_errors", "node_infiniband_port_receive_switch_relay_errors_total",
     "Packets that could not be forwarded.", kCounter},
    {"counters/port_xmit_constraint_errors", "node_infiniband_port_constraint_errors_transmitted_total",
     "Packets not sent because of a filter.", kCounter},
    {"counters/port_xmit_data", "node_infiniband_port_data_transmitted_bytes_total", "Bytes sent.", kCounter, kWord},
    {"counters/port_xmit_discards", "node_infiniband_port_discards_transmitted_total",
     "Packets dropped on the way out.", kCounter},
    {"counters/port_xmit_packets", "node_infiniband_port_packets_transmitted_total", "Packets sent.", kCounter},
    {"counters/port_xmit_wait", "node_infiniband_port_transmit_wait_total", "Ticks with data to send and none sent.",
     kCounter},
    {"counters/symbol_error", "node_infiniband_symbol_error_total", "Minor errors of the lanes.", kCounter},
    {"counters/unicast_rcv_packets", "node_infiniband_unicast_packets_received_total", "Unicast packets received.",
     kCounter},
    {"counters/unicast_xmit_packets", "node_infiniband_unicast_packets_transmitted_total", "Unicast packets sent.",
     kCounter},
    {"counters_ext/port_multicast_rcv_packets", "node_infiniband_legacy_multicast_packets_received_total",
     "Multicast packets received, of old drivers.", kCounter},
    {"counters_ext/port_multicast_xmit_packets", "node_infiniband_legacy_multicast_packets_transmitted_total",
     "Multicast packets sent, of old drivers.", kCounter},
    {"counters_ext/port_rcv_data_64", "node_infiniband_legacy_data_received_bytes_total",
     "Bytes received, of old drivers.", kCounter, kWord},
    {"counters_ext/port_rcv_packets_64", "node_infiniband_legacy_packets_received_total",
     "Packets received, of old drivers.", kCounter},
    {"counters_ext/port_unicast_rcv_packets", "node_infiniband_legacy_unicast_packets_received_total",
     "Unicast packets received, of old drivers.", kCounter},
    {"counters_ext/port_unicast_xmit_packets", "node_infiniband_legacy_unicast_packets_transmitted_total",
     "Unicast packets sent, of old drivers.", kCounter},
    {"counters_ext/port_xmit_data_64", "node_infiniband_legacy_data_transmitted_bytes_total",
     "Bytes sent, of old drivers.", kCounter, kWord},
    {"counters_ext/port_xmit_packets_64", "node_infiniband_legacy_packets_transmitted_total",
     "Packets sent, of old drivers.", kCounter},
    {"hw_counters/duplicate_request", "node_infiniband_duplicate_requests_packets_total",
     "Requests received that were served before.", kCounter},
    {"hw_counters/implied_nak_seq_err", "node_infiniband_implied_nak_seq_errors_total",
     "Acknowledgements beyond what was expected.", kCounter},
    {"hw_counters/lifespan", "node_infiniband_lifespan_seconds", "How old a counter that was read may be.", kGauge,
     1e3},
    {"hw_counters/local_ack_timeout_err", "node_infiniband_local_ack_timeout_errors_total",
     "Acknowledgements that did not come in time.", kCounter},
    {"hw_counters/np_cnp_sent", "node_infiniband_np_cnp_packets_sent_total", "Notes of congestion sent.", kCounter},
    {"hw_counters/np_ecn_marked_roce_packets", "node_infiniband_np_ecn_marked_roce_packets_received_total",
     "Packets received that were marked for congestion.", kCounter},
    {"hw_counters/out_of_buffer", "node_infiniband_out_of_buffer_drops_total", "Packets dropped for lack of a buffer.",
     kCounter},
    {"hw_counters/out_of_sequence", "node_infiniband_out_of_sequence_packets_received_total",
     "Packets received out of order.", kCounter},
    {"hw_counters/packet_seq_err", "node_infiniband_packet_sequence_errors_total",
     "Negative acknowledgements of the order.", kCounter},
    {"hw_counters/req_cqe_error", "node_infiniband_req_cqes_errors_total", "Own requests that ended in an error.",
     kCounter},
    {"hw_counters/req_cqe_flush_error", "node_infiniband_req_cqes_flush_errors_total",
     "Own requests that were flushed with an error.", kCounter},
    {"hw_counters/req_remote_access_errors", "node_infiniband_req_remote_access_errors_total",
     "Own requests the peer refused access to.", kCounter},
    {"hw_counters/req_remote_invalid_request", "node_infiniband_req_remote_invalid_request_errors_total",
     "Own requests the peer found invalid.", kCounter},
    {"hw_counters/resp_cqe_error", "node_infiniband_resp_cqes_errors_total", "Answers that ended in an error.",
     kCounter},
    {"hw_counters/resp_cqe_flush_error", "node_infiniband_resp_cqes_flush_errors_total",
     "Answers that were flushed with an error.", kCounter},
    {"hw_counters/resp_local_length_error", "node_infiniband_resp_local_length_errors_total",
     "Answers of the wrong length.", kCounter},
    {"hw_counters/resp_remote_access_errors", "node_infiniband_resp_remote_access_errors_total",
     "Requests of peers that were refused access.", kCounter},
    {"hw_counters/rnr_nak_retry_err", "node_infiniband_rnr_nak_retry_packets_received_total",
     "Answers that the peer was not ready.", kCounter},
    {"hw_counters/roce_adp_retrans", "node_infiniband_roce_adp_retransmits_total", "Adaptive retransmissions.",
     kCounter},
    {"hw_counters/roce_adp_retrans_to", "node_infiniband_roce_adp_retransmits_timeout_total",
     "Timeouts because of adaptive retransmission.", kCounter},
    {"hw_counters/roce_slow_restart", "node_infiniband_roce_slow_restart_used_total", "Slow restarts.", kCounter},
    {"hw_counters/roce_slow_restart_cnps", "node_infiniband_roce_slow_restart_cnps_total",
     "Notes of congestion made by slow restarts.", kCounter},
    {"hw_counters/roce_slow_restart_trans", "node_infiniband_roce_slow_restart_total", "Changes to slow restart.",
     kCounter},
    {"hw_counters/rp_cnp_handled", "node_infiniband_rp_cnp_packets_handled_total", "Notes of congestion obeyed.",
     kCounter},
    {"hw_counters/rp_cnp_ignored", "node_infiniband_rp_cnp_ignored_packets_received_total",
     "Notes of congestion ignored.", kCounter},
    {"hw_counters/rx_atomic_requests", "node_infiniband_rx_atomic_requests_total", "Atomic requests received.",
     kCounter},
    {"hw_counters/rx_dct_connect", "node_infiniband_rx_dct_connect_requests_total", "Connection requests received.",
     kCounter},
    {"hw_counters/rx_icrc_encapsulated", "node_infiniband_rx_icrc_encapsulated_errors_total",
     "Packets received with a wrong checksum.", kCounter},
    {"hw_counters/rx_read_requests", "node_infiniband_rx_read_requests_total", "Read requests received.", kCounter},
    {"hw_counters/rx_write_requests", "node_infiniband_rx_write_requests_total", "Write requests received.", kCounter},
};

class Infiniband final : public Collector {
 public:
  Infiniband(const CollectorConfig& config, NameFilter devices)
      : path_(config.sysfs + "/class/infiniband"), devices_(std::move(devices)) {}

  Status collect(ScrapeContext& context, Families& out) override {
    auto& info = add_gauge(out, "node_infiniband_info", "What the device is; always 1.");
    auto& state = add_gauge(out, "node_infiniband_state_id", "State of the port, 4: active.");
    auto& physical = add_gauge(out, "node_infiniband_physical_state_id", "Physical state of the port, 5: link up.");
    auto& rate = add_gauge(out, "node_infiniband_rate_bytes_per_second", "Speed of the port.");
    AttributeTable table(kAttributes, out);
    const Directory devices(context.absences(), path_);
    for (const std::string& name : devices.names()) {
      const Directory device(devices, name);
      if (!device.exists() || !devices_.shows(name)) continue;
      const auto text = [&](const char* file) { return valid_utf8(device.text(file).value_or("")); };
      add_sample(info, 1,
                 {{"board_id", text("board_id")},
                  {"device", name},
                  {"firmware_version", text("fw_ver")},
                  {"hca_type", text("hca_type")}});
      const Directory ports(device, "ports");
      for (const std::string& number : ports.numbered("")) {
        if (const Status status = check_deadline(context); !status.ok()) return status.at(ports.path());
        const Directory port(ports, number);
        const LabelSet labels = out.add_labels({{"device", name}, {"port", number}});
        add_number_before(":", port.text("state"), 1, state, labels);
        add_number_before(":", port.text("phys_state"), 1, physical, labels);
        add_number_before(" ", port.text("rate"), kBytesPerGigabit, rate, labels);
        table.add(port, labels);
      }
    }
    return {};
  }

 private:
  // "4: ACTIVE", "2.5 Gb/sec (1X SDR)".
  static void add_number_before(std::string_view end, const std::optional<std::string>& text, double scale,
                                Family& family, const LabelSet& labels) {
    if (!text) return;
    if (const auto v = parse_number(std::string_view(*text).substr(0, text->find(end))))
      add_sample(family, *v * scale, labels);
  }

  const std::string path_;
  const NameFilter devices_;
};

}  // namespace

void declare_infiniband_flags(CollectorFlags& flags, CollectorConfig& config) {
  flags.add_filter("infiniband.device", &config.infiniband.devices, "InfiniBand devices");
}

CollectorResult make_infiniband(const CollectorConfig& config) {
  auto devices = NameFilter::compile(config.infiniband.devices);
  if (!devices) return fail(devices.error());
  return std::make_unique<Infiniband>(config, std::move(*devices));
}

}  // namespace tidemark::exporter
