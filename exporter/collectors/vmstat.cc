// /proc/vmstat: "pgfault 123", one field a line, of which a pattern chooses.
#include <fmt/format.h>

#include "exporter/collectors/collectors.h"
#include "exporter/field_names.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

class Vmstat final : public Collector {
 public:
  Vmstat(const CollectorConfig& config, NameFilter fields)
      : path_(config.procfs + "/vmstat"), filter_(std::move(fields)) {}

  Status collect(ScrapeContext& context, Families& out) override {
    const auto text = context.read_kept(path_, FileKind::kShortLines);
    if (!text) return text.error();
    names_.begin();
    std::string_view rest = *text;
    for (int number = 1; !rest.empty(); ++number) {
      std::string_view line = next_line(rest);
      const std::string_view field = next_word(line);
      if (field.empty()) continue;
      const FieldName& name = names_.next("", field, [this](FieldName& n) {
        n.shown = filter_.shows(n.field);
        if (!n.shown) return;
        n.metric = "node_vmstat_" + n.field;
        n.help = n.field + " of /proc/vmstat.";
      });
      if (!name.shown) continue;
      const auto value = to_double(next_word(line));
      if (!value) return Status::invalid(fmt::format("{}:{}: {} has no number", path_, number, field));
      add_sample(add_untyped(out, name.metric, name.help), *value);
    }
    if (names_.learned()) filter_.release_cache();
    return {};
  }

 private:
  const std::string path_;
  NameFilter filter_;
  FieldNames names_;
};

}  // namespace

void declare_vmstat_flags(CollectorFlags& flags, CollectorConfig& config) {
  flags.add("vmstat.fields", &config.vmstat.fields, "Regular expression of the fields to show.");
}

CollectorResult make_vmstat(const CollectorConfig& config) {
  auto fields = NameFilter::compile({config.vmstat.fields, ""});
  if (!fields) return fail(fields.error());
  return std::make_unique<Vmstat>(config, std::move(*fields));
}

}  // namespace tidemark::exporter
