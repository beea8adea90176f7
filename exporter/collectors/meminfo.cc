// /proc/meminfo, every line of it: "Active(anon):  123 kB" becomes node_memory_Active_anon_bytes. Fields a newer kernel
// adds show without a change here, unlike in node_exporter since 1.9, which knows a fixed list.
#include <fmt/format.h>

#include "exporter/collectors/collectors.h"
#include "exporter/field_names.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

// "Active(anon)" to "Active_anon": a name may hold only letters, digits and underscores.
std::string metric_name(std::string_view field) {
  std::string name = "node_memory_";
  for (const char c : field) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (plain) {
      name += c;
    } else if (c != ')') {
      name += '_';
    }
  }
  return name;
}

class Meminfo final : public Collector {
 public:
  explicit Meminfo(const CollectorConfig& config) : path_(config.procfs + "/meminfo") {}

  Status collect(ScrapeContext& context, Families& out) override {
    const auto text = context.read_kept(path_, FileKind::kOnePiece);
    if (!text) return text.error();
    const size_t before = out.size();
    names_.begin();
    std::string_view rest = *text;
    for (int number = 1; !rest.empty(); ++number) {
      const std::string_view line = next_line(rest);
      if (trimmed(line).empty()) continue;
      const size_t colon = line.find(':');
      std::string_view words = colon == line.npos ? std::string_view() : line.substr(colon + 1);
      const auto value = to_u64(next_word(words));
      const std::string_view unit = next_word(words);
      if (colon == 0 || !value || !(unit.empty() || unit == "kB"))
        return Status::invalid(
            fmt::format("{}:{}: not \"name: number [kB]\": \"{}\"", path_, number, line.substr(0, 80)));
      const std::string_view field = line.substr(0, colon);
      const bool bytes = !unit.empty();
      const FieldName& name = names_.next(unit, field, [bytes](FieldName& n) {
        n.metric = metric_name(n.field) + (bytes ? "_bytes" : "");
        n.help = fmt::format("{} of /proc/meminfo{}.", n.field, bytes ? ", in bytes" : "");
      });
      add_sample(add_gauge(out, name.metric, name.help), static_cast<double>(*value) * (bytes ? 1024 : 1));
    }
    return out.size() > before ? Status() : Status::invalid(path_ + ": empty");
  }

 private:
  const std::string path_;
  FieldNames names_;
};

}  // namespace

CollectorResult make_meminfo(const CollectorConfig& config) { return std::make_unique<Meminfo>(config); }

}  // namespace tidemark::exporter
