// /proc/loadavg: "0.20 0.18 0.12 1/80 11206", the averages over 1, 5 and 15 minutes first.
#include <fmt/format.h>

#include "exporter/collectors/collectors.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

class Loadavg final : public Collector {
 public:
  explicit Loadavg(const CollectorConfig& config) : path_(config.procfs + "/loadavg") {}

  Status collect(ScrapeContext& context, Families& out) override {
    const auto text = context.read_kept(path_, FileKind::kOnePiece);
    if (!text) return text.error();
    std::string_view rest = trimmed(*text);
    const auto one = to_double(next_word(rest));
    const auto five = to_double(next_word(rest));
    const auto fifteen = to_double(next_word(rest));
    if (!one || !five || !fifteen) return Status::invalid(fmt::format("{}: no three load averages", path_));
    add_sample(add_gauge(out, "node_load1", "Load average over 1 minute."), *one);
    add_sample(add_gauge(out, "node_load15", "Load average over 15 minutes."), *fifteen);
    add_sample(add_gauge(out, "node_load5", "Load average over 5 minutes."), *five);
    return {};
  }

 private:
  const std::string path_;
};

}  // namespace

CollectorResult make_loadavg(const CollectorConfig& config) { return std::make_unique<Loadavg>(config); }

}  // namespace tidemark::exporter
