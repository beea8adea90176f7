#include "alerting/route_match.h"

#include <algorithm>

namespace tidemark::alerting {
namespace {

std::string matchers_text(const config::Route& route) {
  std::string out = "{";
  for (const Matcher& matcher : route.matchers) {
    if (out.size() > 1) out += ',';
    out += matcher.to_string();
  }
  return out + "}";
}

// The recursion is as deep as the configuration's tree, which the YAML reader bounds.
bool descend(const config::Route& route, const std::string& parent_key, LabelsView labels,
             std::vector<RouteMatch>& found) {
  if (!matches_all(route.matchers, labels)) return false;
  const std::string key = parent_key.empty() ? matchers_text(route) : parent_key + "/" + matchers_text(route);
  bool child_took_it = false;
  for (const config::Route& child : route.routes) {
    if (!descend(child, key, labels, found)) continue;
    child_took_it = true;
    if (!child.continue_matching) break;
  }
  if (!child_took_it) found.push_back({&route, key});
  return true;
}

}  // namespace

std::vector<RouteMatch> match_routes(const config::Route& root, LabelsView labels) {
  std::vector<RouteMatch> found;
  descend(root, "", labels, found);
  return found;
}

Labels group_labels(const config::Route& route, LabelsView labels) {
  if (route.group_by_all) return Labels(labels);
  std::vector<LabelView> kept;
  for (const LabelView& label : labels) {
    if (std::binary_search(route.group_by.begin(), route.group_by.end(), label.name)) kept.push_back(label);
  }
  return Labels::from_pairs(std::move(kept));
}

}  // namespace tidemark::alerting
