// /proc/net/sockstat and sockstat6: "TCP: inuse 6 orphan 0 tw 982 alloc 6 mem 186". "mem" counts pages, so it is shown
// in bytes too; "memory" (of fragments) is in bytes already.
#include <fmt/format.h>
#include <unistd.h>

#include "exporter/collectors/collectors.h"
#include "exporter/field_names.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

class Sockstat final : public Collector {
 public:
  explicit Sockstat(const CollectorConfig& config)
      : paths_{config.procfs + "/net/sockstat", config.procfs + "/net/sockstat6"} {}

  Status collect(ScrapeContext& context, Families& out) override {
    names_.begin();
    for (const std::string& path : paths_) {
      const auto text = context.read_kept(path, FileKind::kOnePiece);
      if (!text && text.error().code() == Code::kNotFound) continue;  // That IP version may be off.
      if (!text) return text.error();
      std::string_view rest = *text;
      for (int number = 1; !rest.empty(); ++number) {
        Status status = read_line(next_line(rest), out);
        if (!status.ok()) return status.at(fmt::format("{}:{}", path, number));
      }
    }
    return {};
  }

 private:
  Status read_line(std::string_view line, Families& out) {
    std::string_view protocol = next_word(line);
    if (protocol.empty()) return {};
    if (!protocol.ends_with(':')) return Status::invalid("no \"protocol:\"");
    protocol.remove_suffix(1);
    for (auto field = next_word(line); !field.empty(); field = next_word(line)) {
      const std::string_view word = next_word(line);
      const auto value = to_double(word);
      if (!value) return Status::invalid(fmt::format("{} of {} is \"{}\"", field, protocol, word));
      add(protocol, field, *value, out);
      if (field == "mem") add(protocol, "mem_bytes", *value * page_bytes_, out);
    }
    return {};
  }

  void add(std::string_view protocol, std::string_view field, double v, Families& out) {
    const FieldName& name = names_.next(protocol, field, [](FieldName& n) {
      n.metric = fmt::format("node_sockstat_{}_{}", n.group, n.field);
      n.help = fmt::format("Sockets of {}: {}.", n.group, n.field);
    });
    add_sample(add_gauge(out, name.metric, name.help), v);
  }

  const std::string paths_[2];
  const double page_bytes_ = static_cast<double>(::sysconf(_SC_PAGESIZE));
  FieldNames names_;
};

}  // namespace

CollectorResult make_sockstat(const CollectorConfig& config) { return std::make_unique<Sockstat>(config); }

}  // namespace tidemark::exporter
