// The kernel's object caches: /proc/slabinfo (root only), version 2.1, a line each of
// "name active objects size objects-a-slab pages-a-slab : tunables ... : slabdata ..." (slabinfo(5)).
#include <fmt/format.h>

#include "exporter/collectors/collectors.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

struct Column {
  std::string_view family;
  std::string_view help;
};

constexpr Column kColumns[] = {
    {"node_slabinfo_active_objects", "Objects in use."},
    {"node_slabinfo_objects", "Objects there is room for."},
    {"node_slabinfo_object_size_bytes", "Bytes of an object."},
    {"node_slabinfo_objects_per_slab", "Objects of a slab."},
    {"node_slabinfo_pages_per_slab", "Pages of a slab."},
};

class Slabinfo final : public Collector {
 public:
  Slabinfo(const CollectorConfig& config, NameFilter slabs)
      : path_(config.procfs + "/slabinfo"), slabs_(std::move(slabs)) {}

  Status collect(ScrapeContext& context, Families& out) override {
    const auto text = context.read_kept(path_);
    if (!text) return text.error();
    std::vector<Family*> families;
    for (const Column& column : kColumns) families.push_back(&add_gauge(out, column.family, column.help));
    std::string_view rest = *text;
    for (int number = 1; !rest.empty(); ++number) {
      std::string_view line = next_line(rest);
      if (line.empty() || line[0] == '#' || line.starts_with("slabinfo - version")) continue;
      const std::string_view name = next_word(line);
      if (!slabs_.shows(name)) continue;
      const LabelSet labels = out.add_labels({{"slab", name}});
      for (Family* family : families) {
        const std::string_view word = next_word(line);
        const auto value = to_u64(word);
        if (!value) return Status::invalid(fmt::format("{}:{}: \"{}\" is not a number", path_, number, word));
        add_sample(*family, static_cast<double>(*value), labels);
      }
    }
    return {};
  }

 private:
  const std::string path_;
  const NameFilter slabs_;
};

}  // namespace

void declare_slabinfo_flags(CollectorFlags& flags, CollectorConfig& config) {
  flags.add_filter_pair("slabinfo.slabs", &config.slabinfo.slabs, "caches");
}

CollectorResult make_slabinfo(const CollectorConfig& config) {
  auto slabs = NameFilter::compile(config.slabinfo.slabs);
  if (!slabs) return fail(slabs.error());
  return std::make_unique<Slabinfo>(config, std::move(*slabs));
}

}  // namespace tidemark::exporter
