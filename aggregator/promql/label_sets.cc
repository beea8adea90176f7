#include "aggregator/promql/label_sets.h"

#include <algorithm>
#include <utility>

namespace tidemark::promql {
namespace {

constexpr std::string_view kLastMetadataLabel = kMetadataLabels.back();

void filter(LabelsView labels, std::span<const std::string> names, bool keep_listed, std::string& encoded) {
  encoded.clear();
  auto name = names.begin();
  for (auto label = labels.begin(); label != labels.end(); ++label) {
    while (name != names.end() && std::string_view(*name) < label->name) ++name;
    if (name == names.end()) {
      if (!keep_listed) encoded += label.encoded_rest();
      return;
    }
    const bool listed = *name == label->name;
    if (listed == keep_listed) encoded += label.encoded();
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
  return std::find(kMetadataLabels.begin(), kMetadataLabels.end(), name) != kMetadataLabels.end();
}

bool has_metadata(LabelsView labels) {
  return std::any_of(labels.begin(), labels.end(), [](const LabelView& l) { return is_metadata_label(l.name); });
}

void split_metadata(LabelsView labels, std::string& metadata, std::string& others) {
  metadata.clear();
  others.clear();
  for (auto label = labels.begin(); label != labels.end(); ++label) {
    if (label->name > kLastMetadataLabel) {
      others += label.encoded_rest();
      return;
    }
    (is_metadata_label(label->name) ? metadata : others) += label.encoded();
  }
}

Labels without_metadata(LabelsView labels) {
  std::string metadata;
  std::string others;
  split_metadata(labels, metadata, others);
  return Labels(LabelsView(others));
}

}  // namespace tidemark::promql
