// Memory errors found by error correction: /sys/devices/system/edac/mc/mc<N>, per controller, per row of chips
// (csrow<N>) and per channel of a row (ch<N>_ce_count); Documentation/admin-guide/RAS/main.rst.
#include "exporter/collectors/collectors.h"
#include "exporter/device_metrics.h"

namespace tidemark::exporter {
namespace {

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (size_t at = text.find(what); at != text.npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

// "mc#0csrow#1channel#0" (the kernel's own name of a slot) as "mc0_csrow1_channel0", as node_exporter has it.
std::string dimm_label(const Directory& row, const std::string& channel) {
  auto label = row.text("ch" + channel + "_dimm_label");
  if (!label) return "unknown";
  replace_all(*label, "#", "");
  replace_all(*label, "csrow", "_csrow");
  replace_all(*label, "channel", "_channel");
  return valid_utf8(*label);
}

class Edac final : public Collector {
 public:
  explicit Edac(const CollectorConfig& config) : path_(config.sysfs + "/devices/system/edac/mc") {}

  Status collect(ScrapeContext& context, Families& out) override {
    auto& corrected = add_counter(out, "node_edac_correctable_errors_total", "Memory errors that were corrected.");
    auto& uncorrected =
        add_counter(out, "node_edac_uncorrectable_errors_total", "Memory errors that could not be corrected.");
    auto& row_corrected = add_counter(out, "node_edac_csrow_correctable_errors_total",
                                      "Memory errors that were corrected, by row; \"unknown\": in no known row.");
    auto& row_uncorrected =
        add_counter(out, "node_edac_csrow_uncorrectable_errors_total",
                    "Memory errors that could not be corrected, by row; \"unknown\": in no known row.");
    auto& channel_corrected = add_counter(out, "node_edac_channel_correctable_errors_total",
                                          "Memory errors that were corrected, by channel of a row.");
    auto& channel_uncorrected = add_counter(out, "node_edac_channel_uncorrectable_errors_total",
                                            "Memory errors that could not be corrected, by channel of a row.");
    const auto add = [&](Family& family, const Directory& from, const std::string& file, const LabelSet& labels) {
      if (const auto count = from.number(file)) add_sample(family, *count, labels);
    };
    const Directory controllers(context.absences(), path_);
    for (const std::string& controller_name : controllers.numbered("mc")) {
      const std::string controller_id = controller_name.substr(2);
      const Directory controller(controllers, controller_name);
      const LabelSet labels = out.add_labels({{"controller", controller_id}});
      const LabelSet no_row = out.add_labels({{"controller", controller_id}, {"csrow", "unknown"}});
      add(corrected, controller, "ce_count", labels);
      add(uncorrected, controller, "ue_count", labels);
      add(row_corrected, controller, "ce_noinfo_count", no_row);
      add(row_uncorrected, controller, "ue_noinfo_count", no_row);
      for (const std::string& row_name : controller.numbered("csrow")) {
        const std::string row_id = row_name.substr(5);
        const Directory row(controller, row_name);
        const LabelSet row_labels = out.add_labels({{"controller", controller_id}, {"csrow", row_id}});
        add(row_corrected, row, "ce_count", row_labels);
        add(row_uncorrected, row, "ue_count", row_labels);
        for (const std::string& channel : channels(row)) {
          const LabelSet channel_labels = out.add_labels({{"channel", channel},
                                                          {"controller", controller_id},
                                                          {"csrow", row_id},
                                                          {"dimm_label", dimm_label(row, channel)}});
          add(channel_corrected, row, "ch" + channel + "_ce_count", channel_labels);
          add(channel_uncorrected, row, "ch" + channel + "_ue_count", channel_labels);
        }
      }
    }
    return {};
  }

 private:
  // The numbers of the channels that have a count.
  static std::vector<std::string> channels(const Directory& row) {
    constexpr std::string_view kSuffix = "_ce_count";
    std::vector<std::string> out;
    for (const std::string& name : row.names()) {
      if (!name.starts_with("ch") || !name.ends_with(kSuffix)) continue;
      std::string id = name.substr(2, name.size() - 2 - kSuffix.size());
      if (!id.empty() && id.find_first_not_of("0123456789") == id.npos) out.push_back(std::move(id));
    }
    return out;
  }

  const std::string path_;
};

}  // namespace

CollectorResult make_edac(const CollectorConfig& config) { return std::make_unique<Edac>(config); }

}  // namespace tidemark::exporter
