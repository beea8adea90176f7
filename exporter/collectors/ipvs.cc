// The kernel's load balancer: totals from /proc/net/ip_vs_stats, backends from /proc/net/ip_vs, where lines of a
// service
// ("TCP  C0A80016:0CEA wlc", "TCP  [2620::1]:0050 sh", "FWM  10001000 wlc") are followed by those of its backends
// ("  -> C0A85216:0CEA Tunnel 100 248 2": weight, active and inactive connections). Numbers of addresses are in hex.
// Without the kernel module there is nothing.
#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "exporter/collectors/collectors.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

enum BackendLabel { kLocalAddress, kLocalMark, kLocalPort, kProto, kRemoteAddress, kRemotePort, kBackendLabels };
// Sorted, as labels are shown.
constexpr std::string_view kLabelNames[] = {"local_address", "local_mark",     "local_port",
                                            "proto",         "remote_address", "remote_port"};
using LabelValues = std::array<std::string, kBackendLabels>;

constexpr size_t kBackendsMax = 65'536;

struct Counter {
  std::string_view name;
  std::string_view help;
};
constexpr Counter kCounters[] = {
    {"node_ipvs_connections_total", "Connections scheduled."},
    {"node_ipvs_incoming_packets_total", "Packets received."},
    {"node_ipvs_outgoing_packets_total", "Packets sent."},
    {"node_ipvs_incoming_bytes_total", "Bytes received."},
    {"node_ipvs_outgoing_bytes_total", "Bytes sent."},
};

struct Load {
  double weight = 0;
  double active = 0;
  double inactive = 0;
};

// "C0A80016:0CEA" or "[2620:0000:...:0001]:0050".
bool read_endpoint(std::string_view text, std::string& address, std::string& port) {
  const size_t colon = text.rfind(':');
  const auto number = colon == text.npos ? std::nullopt : to_u64(text.substr(colon + 1), 16);
  if (!number) return false;
  port = std::to_string(*number);
  std::string_view host = text.substr(0, colon);
  char printed[INET6_ADDRSTRLEN];
  if (host.starts_with('[') && host.ends_with(']')) {
    in6_addr bytes{};
    const std::string bare(host.substr(1, host.size() - 2));
    if (::inet_pton(AF_INET6, bare.c_str(), &bytes) != 1) return false;
    address = ::inet_ntop(AF_INET6, &bytes, printed, sizeof printed);
    return true;
  }
  const auto bits = host.size() == 8 ? to_u64(host, 16) : std::nullopt;
  if (!bits) return false;
  const in_addr bytes{htonl(static_cast<uint32_t>(*bits))};
  address = ::inet_ntop(AF_INET, &bytes, printed, sizeof printed);
  return true;
}

class Ipvs final : public Collector {
 public:
  Ipvs(const CollectorConfig& config, const std::set<std::string_view>& labels)
      : statistics_(config.procfs + "/net/ip_vs_stats"), services_(config.procfs + "/net/ip_vs") {
    for (size_t i = 0; i < kBackendLabels; ++i) shown_[i] = labels.contains(kLabelNames[i]);
  }

  Status collect(ScrapeContext& context, Families& out) override {
    const auto totals = context.read_kept(statistics_);
    if (!totals) return totals.error().code() == Code::kNotFound ? Status() : totals.error();
    Status status = add_totals(*totals, out);
    if (!status.ok()) return status;
    const auto services = context.read_kept(services_);
    return services ? add_backends(*services, out) : services.error();
  }

 private:
  Status add_totals(std::string_view rest, Families& out) const {
    for (int skip = 0; skip < 2 && !rest.empty(); ++skip) next_line(rest);  // Titles.
    std::string_view line = rest.empty() ? rest : next_line(rest);
    for (const Counter& counter : kCounters) {
      const auto value = to_u64(next_word(line), 16);
      if (!value) return Status::invalid(statistics_ + ":3: no five numbers in hex");
      add_sample(add_counter(out, counter.name, counter.help), static_cast<double>(*value));
    }
    return {};
  }

  Status add_backends(std::string_view rest, Families& out) const {
    std::map<LabelValues, Load> loads;  // Backends that differ only in labels that are not shown are added up.
    LabelValues labels;
    for (int number = 1; !rest.empty(); ++number) {
      std::string_view line = next_line(rest);
      const std::string_view first = next_word(line);
      const std::string_view endpoint = next_word(line);
      const bool title = endpoint == "RemoteAddress:Port";
      if (first == "TCP" || first == "UDP" || first == "SCTP") {
        labels = {};
        labels[kProto] = first;
        if (!read_endpoint(endpoint, labels[kLocalAddress], labels[kLocalPort])) return bad_line(number);
      } else if (first == "FWM") {
        labels = {};
        labels[kProto] = first;
        labels[kLocalMark] = endpoint;
        labels[kLocalPort] = "0";
      } else if (first == "->" && !title) {
        if (!read_endpoint(endpoint, labels[kRemoteAddress], labels[kRemotePort])) return bad_line(number);
        next_word(line);  // How packets are forwarded.
        const auto weight = to_u64(next_word(line));
        const auto active = to_u64(next_word(line));
        const auto inactive = to_u64(next_word(line));
        if (!weight || !active || !inactive) return bad_line(number);
        LabelValues key = labels;
        for (size_t i = 0; i < kBackendLabels; ++i) {
          if (!shown_[i]) key[i].clear();
        }
        Load& load = loads[key];
        load.weight += static_cast<double>(*weight);
        load.active += static_cast<double>(*active);
        load.inactive += static_cast<double>(*inactive);
        if (loads.size() > kBackendsMax) return Status::limit(services_ + ": more than 65,536 backends");
      }
    }
    append(loads, out);
    return {};
  }

  void append(const std::map<LabelValues, Load>& loads, Families& out) const {
    auto& active = add_gauge(out, "node_ipvs_backend_connections_active", "Active connections of a backend.");
    auto& inactive = add_gauge(out, "node_ipvs_backend_connections_inactive", "Inactive connections of a backend.");
    auto& weight = add_gauge(out, "node_ipvs_backend_weight", "Weight of a backend.");
    for (const auto& [values, load] : loads) {
      Label labels[kBackendLabels];
      size_t count = 0;
      for (size_t i = 0; i < kBackendLabels; ++i) {
        if (shown_[i]) labels[count++] = {kLabelNames[i], values[i]};
      }
      const LabelSet set = out.add_labels(std::span<const Label>(labels, count));
      add_sample(active, load.active, set);
      add_sample(inactive, load.inactive, set);
      add_sample(weight, load.weight, set);
    }
  }

  Status bad_line(int number) const {
    return Status::invalid(fmt::format("{}:{}: not a service or a backend", services_, number));
  }

  const std::string statistics_;
  const std::string services_;
  bool shown_[kBackendLabels] = {};
};

}  // namespace

void declare_ipvs_flags(CollectorFlags& flags, CollectorConfig& config) {
  flags.add("ipvs.backend-labels", &config.ipvs.backend_labels,
            "Labels of a backend, separated by commas; backends that do not differ in them are added up.");
}

CollectorResult make_ipvs(const CollectorConfig& config) {
  std::set<std::string_view> labels;
  for (std::string_view rest = config.ipvs.backend_labels; !rest.empty();) {
    const size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view name = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    if (name.empty()) continue;
    if (std::find(std::begin(kLabelNames), std::end(kLabelNames), name) == std::end(kLabelNames))
      return fail(Status::invalid(fmt::format("--collector.ipvs.backend-labels: no label \"{}\", there are {}", name,
                                              fmt::join(kLabelNames, ", "))));
    labels.insert(name);
  }
  return std::make_unique<Ipvs>(config, labels);
}

}  // namespace tidemark::exporter
