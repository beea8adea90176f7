// Label sets as the engine derives them from others: grouping, matching, dropping names. All work on the encoding in
// one pass, and once a series, never once a step.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/labels.h"

namespace tidemark::promql {

// Names sorted and unique, as the functions below want them.
std::vector<std::string> sorted_names(std::vector<std::string> names);

// The encoding of those labels that are among (keep), or not among (drop), `names`. Overwrites `encoded`, so that a
// caller with many series needs no allocation for each. REQUIRES: names sorted.
void keep_labels(LabelsView labels, std::span<const std::string> names, std::string& encoded);
void drop_labels(LabelsView labels, std::span<const std::string> names, std::string& encoded);

// They describe the samples; a function whose result is something else drops them. Sorted.
inline constexpr std::array<std::string_view, 3> kMetadataLabels = {kMetricName, "__type__", "__unit__"};
bool is_metadata_label(std::string_view name);
bool has_metadata(LabelsView labels);
Labels without_metadata(LabelsView labels);
// Overwrites both with encodings.
void split_metadata(LabelsView labels, std::string& metadata, std::string& others);

}  // namespace tidemark::promql
