// Which routes an alert takes, and how it is grouped there: Alertmanager's rules.
#pragma once

#include <string>
#include <vector>

#include "config/delivery_config.h"
#include "model/labels.h"

namespace tidemark::alerting {

struct RouteMatch {
  const config::Route* route;  // The tree's; valid while it is.
  std::string key;             // The way down the tree: {}/{severity="page"}. Names the route across restarts.
};

// Depth first: the deepest matching routes take the alert, their ancestors only when no child does; without `continue`
// the first matching sibling ends the search. At least one: the root matches everything.
std::vector<RouteMatch> match_routes(const config::Route& root, LabelsView labels);

// The labels that alerts of one group have in common by the route's group_by.
Labels group_labels(const config::Route& route, LabelsView labels);

}  // namespace tidemark::alerting
