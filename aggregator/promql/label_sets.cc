#include "aggregator/promql/label_sets.h"

#include <algorithm>
#include <utility>

namespace tidemark::promql {
namespace {

void filter(LabelsView labels, std::span<const std::string> names, bool keep_listed, std::string& encoded) {
  encoded.clear();
  auto name = names.begin();
  for (const LabelView label : labels) {
    while (name != names.end() && std::string_view(*name) < label.name) ++name;
    if (keep_listed && name == names.end()) return;
    const bool listed = name != names.end() && *name == label.name;
    if (listed == keep_listed) append_encoded_label(encoded, label.name, label.value);
  }
}

}  // namespace

std::vector<std::string> sorted_names(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

void keep_labels(LabelsView labels, std::span<const std::string> names, std::string& encoded) {
  filter(labels, names, true, encoded);
}

void drop_labels(LabelsView labels, std::span<const std::string> names, std::string& encoded) {
  filter(labels, names, false, encoded);
}

bool is_metadata_label(std::string_view name) {
  return name == kMetricName || name == "__type__" || name == "__unit__";
}

bool has_metadata(LabelsView labels) {
  return std::any_of(labels.begin(), labels.end(), [](const LabelView& l) { return is_metadata_label(l.name); });
}

void split_metadata(LabelsView labels, std::string& metadata, std::string& others) {
  metadata.clear();
  others.clear();
  for (const LabelView label : labels) {
    append_encoded_label(is_metadata_label(label.name) ? metadata : others, label.name, label.value);
  }
}

Labels without_metadata(LabelsView labels) {
  std::string metadata;
  std::string others;
  split_metadata(labels, metadata, others);
  return Labels(LabelsView(others));
}

}  // namespace tidemark::promql
