// How many entries the ARP table has for each interface: from a rtnetlink dump, or from /proc/net/arp with
// --no-collector.arp.netlink.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "exporter/collectors/collectors.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

constexpr int kDeviceColumn = 5;

class Arp final : public Collector {
 public:
  Arp(const CollectorConfig& config, NameFilter devices)
      : path_(config.procfs + "/net/arp"), netlink_(config.arp.netlink), devices_(std::move(devices)) {}

  Status collect(ScrapeContext& context, Families& out) override {
    auto& entries = add_gauge(out, "node_arp_entries", "Entries of the ARP table, by interface.");
    return netlink_ ? ask_kernel(context, entries) : read_file(context, entries);
  }

 private:
  Status ask_kernel(ScrapeContext& context, Family& entries) {
    Status status = context.rtnetlink().count_arp_entries(counts_);
    if (!status.ok()) return status;
    const auto links = context.links();
    if (!links) return links.error();
    for (const auto& [index, count] : counts_) {
      const auto link = std::find_if(links->begin(), links->end(),
                                     [&, wanted = index](const Link& one) { return one.index == wanted; });
      // An interface that came between the two dumps has no name yet.
      if (link == links->end() || !devices_.shows(link->name)) continue;
      add_sample(entries, static_cast<double>(count), {{"device", link->name}});
    }
    return {};
  }

  Status read_file(ScrapeContext& context, Family& entries) const {
    const auto text = context.read_kept(path_);
    if (!text) return text.error();
    std::map<std::string_view, uint64_t> counts;
    std::string_view rest = *text;
    for (int number = 1; !rest.empty(); ++number) {
      std::string_view line = next_line(rest);
      if (number == 1) continue;  // Titles.
      for (int skip = 0; skip < kDeviceColumn; ++skip) next_word(line);
      const std::string_view device = next_word(line);
      if (device.empty()) return Status::invalid(fmt::format("{}:{}: no device", path_, number));
      ++counts[device];
    }
    for (const auto& [device, count] : counts) {
      if (devices_.shows(device)) add_sample(entries, static_cast<double>(count), {{"device", device}});
    }
    return {};
  }

  const std::string path_;
  const bool netlink_;
  const NameFilter devices_;
  std::vector<std::pair<uint32_t, uint64_t>> counts_;
};

}  // namespace

void declare_arp_flags(CollectorFlags& flags, CollectorConfig& config) {
  flags.add_filter("arp.device", &config.arp.devices, "network interfaces");
  flags.add("arp.netlink", &config.arp.netlink, "Ask rtnetlink instead of reading /proc/net/arp.");
}

CollectorResult make_arp(const CollectorConfig& config) {
  auto devices = NameFilter::compile(config.arp.devices);
  if (!devices) return fail(devices.error());
  return std::make_unique<Arp>(config, std::move(*devices));
}

}  // namespace tidemark::exporter
