// From the labels on a page to the labels in the store: the target's labels are added, then the job's rules run.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/scrape_config.h"
#include "model/labels.h"

namespace tidemark::scrape {

// `exposed` plus the target's labels. Where both have a name: with honor_labels the page's value stays, even an empty
// one (so a page can refuse "instance"); without, the target's wins and the page's moves to exported_NAME, with further
// prefixes until the name is free.
void add_target_labels(const std::vector<LabelView>& exposed, LabelsView target, bool honor_labels,
                       LabelsBuilder& labels);

// The message when `labels` go beyond the job's limits for a sample, which fails the scrape.
std::optional<std::string> broken_label_limit(const config::ScrapeLimits& limits, const LabelsBuilder& labels);

}  // namespace tidemark::scrape
