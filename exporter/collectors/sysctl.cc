// Kernel settings that were asked for by name: --collector.sysctl.include=NAME, numbers as node_sysctl_NAME; where a
// setting holds several, by "index", or with NAME:a,b,c each under its own key. --collector.sysctl.include-info=NAME
// shows words as the label "value" of node_sysctl_info.
#include <fmt/format.h>

#include <algorithm>

#include "exporter/collectors/collectors.h"
#include "exporter/device_metrics.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

struct Setting {
  std::string name;
  std::string path;
  std::vector<std::string> keys;
  bool as_info = false;
};

Setting parse_setting(const std::string& procfs, std::string_view given, bool as_info) {
  Setting out;
  const size_t colon = given.find(':');
  out.name = given.substr(0, colon);
  std::string file = out.name;
  std::replace(file.begin(), file.end(), '.', '/');
  out.path = procfs + "/sys/" + file;
  out.as_info = as_info;
  if (colon == given.npos) return out;
  for (std::string_view keys = given.substr(colon + 1);;) {
    const size_t comma = keys.find(',');
    out.keys.emplace_back(keys.substr(0, comma));
    if (comma == keys.npos) return out;
    keys.remove_prefix(comma + 1);
  }
}

class Sysctl final : public Collector {
 public:
  explicit Sysctl(const CollectorConfig& config) {
    for (const std::string& one : config.sysctl.include) settings_.push_back(parse_setting(config.procfs, one, false));
    for (const std::string& one : config.sysctl.include_info)
      settings_.push_back(parse_setting(config.procfs, one, true));
  }

  Status collect(ScrapeContext& context, Families& out) override {
    FamilySet families(out);
    for (const Setting& setting : settings_) {
      const auto text = context.read_kept(setting.path);
      if (!text) return text.error();
      std::vector<std::string_view> words;
      for (std::string_view rest = trimmed(*text); !rest.empty();) {
        std::string_view line = next_line(rest);
        for (auto word = next_word(line); !word.empty(); word = next_word(line)) words.push_back(word);
      }
      const Status status = add(setting, words, families);
      if (!status.ok()) return status.at(setting.path);
    }
    return {};
  }

 private:
  static Status add(const Setting& setting, const std::vector<std::string_view>& words, FamilySet& families) {
    if (words.empty()) return Status::invalid("it holds no value");
    if (!setting.keys.empty() && setting.keys.size() != words.size())
      return Status::invalid(fmt::format("it holds {} values, the flag names {}", words.size(), setting.keys.size()));
    const std::string family = "node_sysctl_" + metric_name_part(setting.name);
    const std::string help = "The kernel's setting " + setting.name + ".";
    for (size_t i = 0; i < words.size(); ++i) {
      const std::string index = std::to_string(i);
      if (setting.as_info) {
        add_sample(families.find("node_sysctl_info", MetricType::kGauge, "A word of a kernel's setting; always 1."), 1,
                   {{"index", index}, {"name", setting.name}, {"value", words[i]}});
        continue;
      }
      const auto value = parse_number(words[i]);
      if (!value) return Status::invalid(fmt::format("\"{}\" is not a number, see include-info", words[i]));
      if (!setting.keys.empty()) {
        add_sample(families.find(family + "_" + setting.keys[i], MetricType::kUnknown, help), *value);
      } else if (words.size() > 1) {
        add_sample(families.find(family, MetricType::kUnknown, help), *value, {{"index", index}});
      } else {
        add_sample(families.find(family, MetricType::kUnknown, help), *value);
      }
    }
    return {};
  }

  std::vector<Setting> settings_;
};

}  // namespace

void declare_sysctl_flags(CollectorFlags& flags, CollectorConfig& config) {
  flags.add("sysctl.include", &config.sysctl.include,
            "Kernel setting with a number to show, as \"fs.file-nr\" or \"fs.file-nr:total,current,max\".");
  flags.add("sysctl.include-info", &config.sysctl.include_info, "Kernel setting with words to show.");
}

CollectorResult make_sysctl(const CollectorConfig& config) { return std::make_unique<Sysctl>(config); }

}  // namespace tidemark::exporter
