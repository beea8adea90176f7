#include "net/routes.h"

#include <algorithm>
#include <optional>
#include <set>

#include "net/percent.h"

namespace tidemark::net {

namespace {

// Longer paths exist nowhere in our tables, so they are unknown without being looked at further.
constexpr size_t kSegmentsMax = 32;

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> segments;
  if (path.starts_with('/')) path.remove_prefix(1);
  while (segments.size() <= kSegmentsMax) {
    const size_t slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  return segments;
}

bool is_name(std::string_view segment) { return segment.starts_with('{') && segment.ends_with('}'); }

std::optional<Params> match(const Route& route, const std::vector<std::string>& segments) {
  if (route.segments.size() != segments.size()) return std::nullopt;
  Params params;
  for (size_t i = 0; i < segments.size(); ++i) {
    const std::string& expected = route.segments[i];
    if (is_name(expected)) {
      if (segments[i].empty()) return std::nullopt;
      params.emplace_back(expected.substr(1, expected.size() - 2), segments[i]);
    } else if (expected != segments[i]) {
      return std::nullopt;
    }
  }
  return params;
}

}  // namespace

void RouteTable::add(std::string_view methods, std::string_view pattern, Handler handler, size_t body_bytes_max) {
  Route route;
  route.pattern = pattern;
  for_each_element(methods, [&](std::string_view method) { route.methods.emplace_back(method); });
  for (const std::string_view segment : split(pattern)) route.segments.emplace_back(segment);
  route.handler = std::move(handler);
  route.body_bytes_max = body_bytes_max;
  routes_.push_back(std::move(route));
}

RouteMatch RouteTable::find(std::string_view method, std::string_view raw_path) const {
  std::vector<std::string> segments;
  for (const std::string_view segment : split(raw_path)) {
    auto decoded = percent_decode(segment);
    if (!decoded) return {};
    segments.push_back(std::move(*decoded));
  }

  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  RouteMatch best;
  std::set<std::string> allowed;
  for (const Route& route : routes_) {
    auto params = match(route, segments);
    if (!params) continue;
    allowed.insert(route.methods.begin(), route.methods.end());
    if (std::find(route.methods.begin(), route.methods.end(), wanted) == route.methods.end()) continue;
    if (best.route != nullptr && params->size() >= best.path_params.size()) continue;
    best.route = &route;
    best.path_params = std::move(*params);
  }
  if (best.route != nullptr) return best;
  if (allowed.contains("GET")) allowed.insert("HEAD");
  for (const std::string& name : allowed) best.allow += (best.allow.empty() ? "" : ", ") + name;
  return best;
}

}  // namespace tidemark::net
