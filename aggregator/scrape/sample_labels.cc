#include "aggregator/scrape/sample_labels.h"

#include <fmt/format.h>

#include <algorithm>

namespace tidemark::scrape {
namespace {

constexpr std::string_view kExportedPrefix = "exported_";

bool has_name(const std::vector<LabelView>& labels, std::string_view name) {
  return std::any_of(labels.begin(), labels.end(), [&](const LabelView& label) { return label.name == name; });
}

}  // namespace

void add_target_labels(const std::vector<LabelView>& exposed, LabelsView target, bool honor_labels,
                       LabelsBuilder& labels) {
  labels.reset();
  for (const LabelView& label : exposed) labels.set(label.name, label.value);
  if (honor_labels) {
    for (const LabelView& label : target) {
      if (!has_name(exposed, label.name)) labels.set(label.name, label.value);
    }
    return;
  }
  std::vector<std::pair<std::string, std::string>> moved;
  for (const LabelView& label : target) {
    if (const std::string_view value = labels.get(label.name); !value.empty()) moved.emplace_back(label.name, value);
    labels.set(label.name, label.value);
  }
  // Shortest first, as Prometheus does: with both "a" and "exported_a" in conflict, "a" takes "exported_a".
  std::stable_sort(moved.begin(), moved.end(),
                   [](const auto& a, const auto& b) { return a.first.size() < b.first.size(); });
  for (const auto& [name, value] : moved) {
    std::string free_name = std::string(kExportedPrefix) + name;
    while (!labels.get(free_name).empty()) free_name.insert(0, kExportedPrefix);
    labels.set(free_name, value);
  }
}

std::optional<std::string> broken_label_limit(const config::ScrapeLimits& limits, const LabelsBuilder& labels) {
  const auto& pairs = labels.pairs();
  const std::string_view metric = labels.get(kMetricName);
  if (limits.labels > 0 && pairs.size() > limits.labels) {
    return fmt::format("label_limit exceeded (metric: {:.50}, number of labels: {}, limit: {})", metric, pairs.size(),
                       limits.labels);
  }
  for (const auto& [name, value] : pairs) {
    if (limits.label_name_bytes > 0 && name.size() > limits.label_name_bytes) {
      return fmt::format("label_name_length_limit exceeded (metric: {:.50}, label name: {:.50}, length: {}, limit: {})",
                         metric, name, name.size(), limits.label_name_bytes);
    }
    if (limits.label_value_bytes > 0 && value.size() > limits.label_value_bytes) {
      return fmt::format(
          "label_value_length_limit exceeded (metric: {:.50}, label name: {:.50}, value: {:.50}, length: {}, limit: "
          "{})",
          metric, name, value, value.size(), limits.label_value_bytes);
    }
  }
  return std::nullopt;
}

}  // namespace tidemark::scrape
