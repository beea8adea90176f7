// Fibre Channel ports: /sys/class/fc_host/<host> (Documentation/scsi/scsi_fc_transport.rst). A counter of all ones is
// one that the driver does not have; a port in an unknown state has not counted anything.
#include "exporter/collectors/collectors.h"
#include "exporter/device_metrics.h"

namespace tidemark::exporter {
namespace {

constexpr MetricType kCounter = MetricType::kCounter;

constexpr Attribute kCounters[] = {
    {"statistics/dumped_frames", "node_fibrechannel_dumped_frames_total", "Frames dropped for lack of a buffer."},
    {"statistics/error_frames", "node_fibrechannel_error_frames_total", "Frames with errors."},
    {"statistics/fcp_packet_aborts", "node_fibrechannel_fcp_packet_aborts_total", "SCSI commands aborted."},
    {"statistics/invalid_crc_count", "node_fibrechannel_invalid_crc_total", "Frames with a wrong checksum."},
    {"statistics/invalid_tx_word_count", "node_fibrechannel_invalid_tx_words_total", "Words that were not valid."},
    {"statistics/link_failure_count", "node_fibrechannel_link_failure_total", "Failures of the link."},
    {"statistics/loss_of_signal_count", "node_fibrechannel_loss_of_signal_total", "Losses of signal."},
    {"statistics/loss_of_sync_count", "node_fibrechannel_loss_of_sync_total", "Losses of synchronisation."},
    {"statistics/nos_count", "node_fibrechannel_nos_total", "Not-operational sequences received."},
    {"statistics/rx_frames", "node_fibrechannel_rx_frames_total", "Frames received."},
    {"statistics/rx_words", "node_fibrechannel_rx_words_total", "Words received."},
    {"statistics/seconds_since_last_reset", "node_fibrechannel_seconds_since_last_reset_total",
     "Time since the counters were reset."},
    {"statistics/tx_frames", "node_fibrechannel_tx_frames_total", "Frames sent."},
    {"statistics/tx_words", "node_fibrechannel_tx_words_total", "Words sent."},
};

class FibreChannel final : public Collector {
 public:
  explicit FibreChannel(const CollectorConfig& config) : path_(config.sysfs + "/class/fc_host") {}

  Status collect(ScrapeContext& context, Families& out) override {
    auto& info = add_gauge(out, "node_fibrechannel_info", "What the port is and does; always 1.");
    std::vector<Family*> families;
    for (const Attribute& one : kCounters) families.push_back(&add_family(out, one.family, kCounter, one.help));
    const Directory hosts(context.absences(), path_);
    for (const std::string& name : hosts.names()) {
      const Directory host(hosts, name);
      if (!host.exists()) continue;
      const auto text = [&](const char* file) { return valid_utf8(host.text(file).value_or("")); };
      // Identifiers are hexadecimal, and shown without their 0x.
      const auto identifier = [&](const char* file) {
        const std::string whole = text(file);
        return whole.size() > 2 ? whole.substr(2) : whole;
      };
      const std::string state = text("port_state");
      add_sample(info, 1,
                 {{"dev_loss_tmo", text("dev_loss_tmo")},
                  {"fabric_name", identifier("fabric_name")},
                  {"fc_host", name},
                  {"port_id", identifier("port_id")},
                  {"port_name", identifier("port_name")},
                  {"port_state", state},
                  {"port_type", text("port_type")},
                  {"speed", text("speed")},
                  {"supported_classes", text("supported_classes")},
                  {"supported_speeds", text("supported_speeds")},
                  {"symbolic_name", text("symbolic_name")}});
      const LabelSet labels = out.add_labels({{"fc_host", name}});
      const bool counts = !state.empty() && state != "Unknown";
      for (size_t i = 0; i < families.size(); ++i) {
        const auto value = counts ? host.number(kCounters[i].file) : 0;
        if (value && *value < 0x1p64) add_sample(*families[i], *value, labels);
      }
    }
    return {};
  }

 private:
  const std::string path_;
};

}  // namespace

CollectorResult make_fibrechannel(const CollectorConfig& config) { return std::make_unique<FibreChannel>(config); }

}  // namespace tidemark::exporter
