// Bytes waiting in the queues of all UDP sockets: the column "tx_queue:rx_queue" of /proc/net/udp and udp6, in hex.
#include <fmt/format.h>

#include "exporter/collectors/collectors.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

constexpr int kQueuesColumn = 4;

struct Version {
  std::string_view file;
  std::string_view label;
};
constexpr Version kVersions[] = {{"/net/udp", "v4"}, {"/net/udp6", "v6"}};

class UdpQueues final : public Collector {
 public:
  explicit UdpQueues(const CollectorConfig& config) {
    for (const Version& version : kVersions) paths_.push_back(fmt::format("{}{}", config.procfs, version.file));
  }

  Status collect(ScrapeContext& context, Families& out) override {
    auto& queues = add_gauge(out, "node_udp_queues", "Bytes in the queues of all UDP sockets.");
    for (size_t i = 0; i < paths_.size(); ++i) {
      const auto text = context.read_kept(paths_[i], FileKind::kShortLines);
      if (!text && text.error().code() == Code::kNotFound) continue;  // That IP version may be off.
      if (!text) return text.error();
      std::string_view rest = *text;
      uint64_t sent = 0;
      uint64_t received = 0;
      for (int number = 1; !rest.empty(); ++number) {
        std::string_view line = next_line(rest);
        if (number == 1) continue;  // Titles.
        for (int skip = 0; skip < kQueuesColumn; ++skip) next_word(line);
        const std::string_view word = next_word(line);
        const size_t colon = std::min(word.find(':'), word.size());
        const auto tx = to_u64(word.substr(0, colon), 16);
        const auto rx = to_u64(word.substr(std::min(colon + 1, word.size())), 16);
        if (!tx || !rx) return Status::invalid(fmt::format("{}:{}: no queues in \"{}\"", paths_[i], number, word));
        sent += *tx;
        received += *rx;
      }
      add_sample(queues, static_cast<double>(received), {{"ip", kVersions[i].label}, {"queue", "rx"}});
      add_sample(queues, static_cast<double>(sent), {{"ip", kVersions[i].label}, {"queue", "tx"}});
    }
    return {};
  }

 private:
  std::vector<std::string> paths_;  // As kVersions.
};

}  // namespace

CollectorResult make_udp_queues(const CollectorConfig& config) { return std::make_unique<UdpQueues>(config); }

}  // namespace tidemark::exporter
