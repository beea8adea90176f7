// What drivers tell of network interfaces: their own names and versions, the modes a link has and offers, and the
// statistics each driver keeps under names of its own choice. Those become node_ethtool_NAME with "rx" and "tx" spelled
// out; two that become the same name are both left out.
#include <linux/ethtool.h>

#include <algorithm>
#include <map>
#include <optional>

#include "exporter/collectors/collectors.h"
#include "exporter/deadline.h"
#include "exporter/device_metrics.h"
#include "exporter/ethtool_source.h"

namespace tidemark::exporter {
namespace {

constexpr double kMegabitBytes = 1e6 / 8;

struct Mode {
  int bit;
  int megabits;
  std::string_view duplex;
  std::string_view name;
};
constexpr Mode kModes[] = {
    {ETHTOOL_LINK_MODE_10baseT_Half_BIT, 10, "half", "10baseT"},
    {ETHTOOL_LINK_MODE_10baseT_Full_BIT, 10, "full", "10baseT"},
    {ETHTOOL_LINK_MODE_100baseT_Half_BIT, 100, "half", "100baseT"},
    {ETHTOOL_LINK_MODE_100baseT_Full_BIT, 100, "full", "100baseT"},
    {ETHTOOL_LINK_MODE_1000baseT_Half_BIT, 1'000, "half", "1000baseT"},
    {ETHTOOL_LINK_MODE_1000baseT_Full_BIT, 1'000, "full", "1000baseT"},
    {ETHTOOL_LINK_MODE_10000baseT_Full_BIT, 10'000, "full", "10000baseT"},
    {ETHTOOL_LINK_MODE_1000baseKX_Full_BIT, 1'000, "full", "1000baseKX"},
    {ETHTOOL_LINK_MODE_10000baseKX4_Full_BIT, 10'000, "full", "10000baseKX4"},
    {ETHTOOL_LINK_MODE_10000baseKR_Full_BIT, 10'000, "full", "10000baseKR"},
    {ETHTOOL_LINK_MODE_10000baseR_FEC_BIT, 10'000, "full", "10000baseR_FEC"},
    {ETHTOOL_LINK_MODE_20000baseMLD2_Full_BIT, 20'000, "full", "20000baseMLD2"},
    {ETHTOOL_LINK_MODE_20000baseKR2_Full_BIT, 20'000, "full", "20000baseKR2"},
    {ETHTOOL_LINK_MODE_40000baseKR4_Full_BIT, 40'000, "full", "40000baseKR4"},
    {ETHTOOL_LINK_MODE_40000baseCR4_Full_BIT, 40'000, "full", "40000baseCR4"},
    {ETHTOOL_LINK_MODE_40000baseSR4_Full_BIT, 40'000, "full", "40000baseSR4"},
    {ETHTOOL_LINK_MODE_40000baseLR4_Full_BIT, 40'000, "full", "40000baseLR4"},
    {ETHTOOL_LINK_MODE_56000baseKR4_Full_BIT, 56'000, "full", "56000baseKR4"},
    {ETHTOOL_LINK_MODE_56000baseCR4_Full_BIT, 56'000, "full", "56000baseCR4"},
    {ETHTOOL_LINK_MODE_56000baseSR4_Full_BIT, 56'000, "full", "56000baseSR4"},
    {ETHTOOL_LINK_MODE_56000baseLR4_Full_BIT, 56'000, "full", "56000baseLR4"},
    {ETHTOOL_LINK_MODE_25000baseCR_Full_BIT, 25'000, "full", "25000baseCR"},
};
constexpr std::pair<int, std::string_view> kPorts[] = {
    {ETHTOOL_LINK_MODE_TP_BIT, "TP"},   {ETHTOOL_LINK_MODE_AUI_BIT, "AUI"},
    {ETHTOOL_LINK_MODE_MII_BIT, "MII"}, {ETHTOOL_LINK_MODE_FIBRE_BIT, "FIBRE"},
    {ETHTOOL_LINK_MODE_BNC_BIT, "BNC"}, {ETHTOOL_LINK_MODE_Backplane_BIT, "Backplane"},
};

bool has(uint32_t modes, int bit) { return (modes >> bit & 1) != 0; }

// Statistics most drivers have, under names of their own.
constexpr std::pair<std::string_view, std::string_view> kKnown[] = {
    {"rx_bytes", "node_ethtool_received_bytes_total"},        {"rx_dropped", "node_ethtool_received_dropped_total"},
    {"rx_errors", "node_ethtool_received_errors_total"},      {"rx_packets", "node_ethtool_received_packets_total"},
    {"tx_bytes", "node_ethtool_transmitted_bytes_total"},     {"tx_errors", "node_ethtool_transmitted_errors_total"},
    {"tx_packets", "node_ethtool_transmitted_packets_total"},
};

// The words between underscores, with "rx" and "tx" spelled out.
std::string spelled_out(std::string_view name) {
  std::string out;
  while (true) {
    const size_t end = name.find('_');
    const std::string_view word = name.substr(0, end);
    out += word == "rx" ? "received" : word == "tx" ? "transmitted" : word;
    if (end == name.npos) return out;
    out += '_';
    name.remove_prefix(end + 1);
  }
}

std::string family_name(std::string_view statistic) {
  std::string name(statistic.substr(std::min(statistic.find_first_not_of('_'), statistic.size())));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return "node_ethtool_" + spelled_out(name);
}

class Ethtool final : public Collector {
 public:
  Ethtool(const CollectorConfig& config, NameFilter devices, NameFilter statistics)
      : path_(config.sysfs + "/class/net"),
        source_(config.ethtool_source != nullptr ? config.ethtool_source : kernel_ethtool()),
        devices_(std::move(devices)),
        statistics_(std::move(statistics)) {}

  Status collect(ScrapeContext& context, Families& out) override {
    auto& info = add_gauge(out, "node_ethtool_info", "The interface's driver; always 1.");
    Link link(out);
    FamilySet families(out);
    for (const std::string& device : Directory(path_).names()) {
      if (!devices_.shows(device)) continue;
      if (const Status status = check_deadline(context); !status.ok()) return status.at(path_ + "/" + device);
      if (const auto it = source_->link(device)) link.add(device, *it);
      if (const auto it = source_->driver(device)) {
        const std::string bus_info = valid_utf8(it->bus_info), driver = valid_utf8(it->driver),
                          rom = valid_utf8(it->expansion_rom_version), firmware = valid_utf8(it->firmware_version),
                          version = valid_utf8(it->version);
        add_sample(info, 1,
                   {{"bus_info", bus_info},
                    {"device", device},
                    {"driver", driver},
                    {"expansion_rom_version", rom},
                    {"firmware_version", firmware},
                    {"version", version}});
      }
      add_statistics(device, families);
    }
    return {};
  }

 private:
  class Link {
   public:
    explicit Link(Families& out)
        : advertised_{out, "advertised"},
          supported_{out, "supported"},
          ports_(add_gauge(out, "node_network_supported_port_info", "Kinds of ports the interface has; always 1.")),
          autonegotiates_(add_gauge(out, "node_network_autonegotiate", "1 if the link's mode is negotiated.")) {}

    void add(std::string_view device, const EthtoolLink& link) {
      advertised_.add(device, link.advertised);
      supported_.add(device, link.supported);
      for (const auto& [bit, type] : kPorts) {
        if (has(link.supported, bit)) add_sample(ports_, 1, {{"device", device}, {"type", type}});
      }
      add_sample(autonegotiates_, link.autonegotiates ? 1 : 0, {{"device", device}});
    }

   private:
    struct Modes {
      Modes(Families& out, const std::string& which)
          : speeds(add_gauge(out, "node_network_" + which + "_speed_bytes",
                             "Modes of the link that are " + which + ", by their speed in bytes a second.")),
            autonegotiate(add_gauge(out, "node_network_autonegotiate_" + which,
                                    "1 if negotiating the link's mode is " + which + ".")),
            pause(add_gauge(out, "node_network_pause_" + which, "1 if pause frames are " + which + ".")),
            asymmetric_pause(add_gauge(out, "node_network_asymmetricpause_" + which,
                                       "1 if pause frames in one direction are " + which + ".")) {}
      void add(std::string_view device, uint32_t modes) {
        for (const Mode& mode : kModes) {
          if (has(modes, mode.bit))
            add_sample(speeds, mode.megabits * kMegabitBytes,
                       {{"device", device}, {"duplex", mode.duplex}, {"mode", mode.name}});
        }
        const auto flag = [&](Family& family, int bit) { add_sample(family, has(modes, bit), {{"device", device}}); };
        flag(autonegotiate, ETHTOOL_LINK_MODE_Autoneg_BIT);
        flag(pause, ETHTOOL_LINK_MODE_Pause_BIT);
        flag(asymmetric_pause, ETHTOOL_LINK_MODE_Asym_Pause_BIT);
      }
      Family &speeds, &autonegotiate, &pause, &asymmetric_pause;
    };

    Modes advertised_;
    Modes supported_;
    Family& ports_;
    Family& autonegotiates_;
  };

  void add_statistics(const std::string& device, FamilySet& families) {
    // By the name they would have if none were known, which is what upstream takes for equal.
    std::map<std::string, std::optional<std::pair<std::string, uint64_t>>> wanted;
    for (const auto& [name, value] : source_->statistics(device)) {
      const std::string statistic = metric_name_part(name);
      if (!statistics_.shows(statistic)) continue;
      const auto [at, is_new] = wanted.try_emplace(family_name(statistic), std::pair(statistic, value));
      if (!is_new) at->second.reset();
    }
    for (const auto& [family, one] : wanted) {
      if (!one) continue;
      const std::string& statistic = one->first;
      const auto* known =
          std::find_if(std::begin(kKnown), std::end(kKnown), [&](const auto& each) { return each.first == statistic; });
      const std::string name = known != std::end(kKnown) ? std::string(known->second) : family;
      add_sample(families.find(name, MetricType::kUnknown, "The driver's statistic " + statistic + "."),
                 static_cast<double>(one->second), {{"device", device}});
    }
  }

  const std::string path_;
  const std::shared_ptr<EthtoolSource> source_;
  const NameFilter devices_;
  const NameFilter statistics_;
};

}  // namespace

void declare_ethtool_flags(CollectorFlags& flags, CollectorConfig& config) {
  flags.add_filter("ethtool.device", &config.ethtool.devices, "network interfaces");
  flags.add("ethtool.metrics-include", &config.ethtool.metrics_include,
            "Regular expression of drivers' statistics to show.");
}

CollectorResult make_ethtool(const CollectorConfig& config) {
  auto devices = NameFilter::compile(config.ethtool.devices);
  if (!devices) return fail(devices.error());
  auto statistics = NameFilter::compile({config.ethtool.metrics_include, ""});
  if (!statistics) return fail(statistics.error());
  return std::make_unique<Ethtool>(config, std::move(*devices), std::move(*statistics));
}

}  // namespace tidemark::exporter
