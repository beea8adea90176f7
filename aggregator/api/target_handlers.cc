#include "aggregator/api/target_handlers.h"

#include <algorithm>
#include <map>
#include <optional>

#include "aggregator/api/json_writer.h"
#include "aggregator/api/parameters.h"
#include "aggregator/promql/parser.h"

namespace tidemark::api {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  return out;
}

void write_active(JsonWriter& json, const scrape::ActiveTarget& target) {
  json.begin_object();
  json.key("discoveredLabels").labels(target.discovered_labels);
  json.key("labels").labels(target.labels);
  json.key("scrapePool").string(target.scrape_pool);
  json.key("scrapeUrl").string(target.scrape_url);
  json.key("globalUrl").string(target.global_url);
  json.key("lastError").string(target.last_error);
  json.key("lastScrape").date_or_never(target.last_scrape_ms);
  json.key("lastScrapeDuration").number(target.last_scrape_duration_s);
  json.key("health").string(scrape::target_health_name(target.health));
  json.key("scrapeInterval").string(target.scrape_interval);
  json.key("scrapeTimeout").string(target.scrape_timeout);
  json.end_object();
}

void write_dropped(JsonWriter& json, const scrape::DroppedTarget& target) {
  json.begin_object();
  json.key("discoveredLabels").labels(target.discovered_labels);
  json.key("scrapePool").string(target.scrape_pool);
  json.key("reason").string(target.reason);
  json.end_object();
}

// A number as Go's Atoi reads it; nothing for "" and -1, which both mean no limit.
tl::expected<std::optional<size_t>, Error> read_limit(const Parameters& parameters, std::string_view name) {
  const std::string_view text = parameters.value(name);
  if (text.empty()) return std::optional<size_t>();
  const auto limit = parse_integer<int64_t>("Atoi", text);
  if (!limit) return refuse({ErrorType::kBadData, std::string(name) + " must be a number"});
  if (*limit < 0) return std::optional<size_t>();
  return std::optional<size_t>(static_cast<size_t>(*limit));
}

}  // namespace

Outcome targets(const TargetsView& view, const net::Request& request) {
  const Parameters parameters(request);
  const std::string state = lower(parameters.value("state"));
  const std::string_view wanted_pool = parameters.value("scrapePool");
  const bool show_active = state.empty() || state == "any" || state == "active";
  const bool show_dropped = state.empty() || state == "any" || state == "dropped";
  const auto is_wanted = [&](const scrape::PoolTargets& pool) {
    return wanted_pool.empty() || pool.scrape_pool == wanted_pool;
  };
  const scrape::TargetsSnapshot snapshot = view.targets();

  Answer answer;
  JsonWriter json(answer.body);
  json.begin_object().key("activeTargets").begin_array();
  for (const scrape::PoolTargets& pool : snapshot.pools) {
    if (!show_active || !is_wanted(pool)) continue;
    for (const scrape::ActiveTarget& target : pool.active) write_active(json, target);
  }
  json.end_array().key("droppedTargets").begin_array();
  for (const scrape::PoolTargets& pool : snapshot.pools) {
    if (!show_dropped || !is_wanted(pool)) continue;
    for (const scrape::DroppedTarget& target : pool.dropped) write_dropped(json, target);
  }
  json.end_array().key("droppedTargetCounts");
  if (show_dropped) {
    json.begin_object();
    for (const scrape::PoolTargets& pool : snapshot.pools)
      json.key(pool.scrape_pool).integer(static_cast<int64_t>(pool.dropped_count));
    json.end_object();
  } else {
    json.null();
  }
  json.end_object();
  return answer;
}

Outcome scrape_pools(const TargetsView& view) {
  Answer answer;
  JsonWriter json(answer.body);
  json.begin_object().key("scrapePools").begin_array();
  for (const scrape::PoolTargets& pool : view.targets().pools) json.string(pool.scrape_pool);
  json.end_array().end_object();
  return answer;
}

Outcome target_metadata(const TargetsView& view, const net::Request& request) {
  const Parameters parameters(request);
  const auto limit = read_limit(parameters, "limit");
  if (!limit) return refuse(limit.error());
  std::vector<Matcher> matchers;
  if (const std::string_view text = parameters.value("match_target"); !text.empty()) {
    auto parsed = promql::parse_selector(text);
    if (!parsed) return refuse(bad_parameter("match_target", parsed.error().message()));
    matchers = std::move(*parsed);
  }
  const std::string_view wanted = parameters.value("metric");

  Answer answer;
  JsonWriter json(answer.body);
  json.begin_array();
  size_t written = 0;
  Labels current;
  bool is_past_limit = false;
  bool is_too_large = false;
  view.visit_metadata([&](LabelsView target, const scrape::MetricMetadata& metadata) {
    if (target != current) {
      current = Labels(target);
      is_past_limit = *limit && written >= **limit;  // Only here, as in Prometheus: a target is shown whole.
    }
    is_too_large = answer.body.size() > kBodyBytesMax;
    if (is_too_large || is_past_limit) return;
    if ((!wanted.empty() && metadata.metric != wanted) || !matches_all(matchers, target)) return;
    json.begin_object().key("target").labels(target);
    if (wanted.empty()) json.key("metric").string(metadata.metric);  // Who asked for one knows which.
    json.key("type").string(metric_type_name(metadata.type));
    json.key("help").string(metadata.help);
    json.key("unit").string(metadata.unit);
    json.end_object();
    ++written;
  });
  json.end_array();
  if (is_too_large) return refuse(answer_too_large());
  return answer;
}

Outcome metadata(const TargetsView& view, const net::Request& request) {
  const Parameters parameters(request);
  const auto limit = read_limit(parameters, "limit");
  if (!limit) return refuse(limit.error());
  const auto per_metric = read_limit(parameters, "limit_per_metric");
  if (!per_metric) return refuse(per_metric.error());
  const size_t per_metric_max = per_metric->value_or(0);  // 0: no limit, as there.
  const std::string_view wanted = parameters.value("metric");

  // Targets of one exporter say the same; each text once.
  std::map<std::string, std::vector<scrape::MetricMetadata>> metrics;
  view.visit_metadata([&](LabelsView, const scrape::MetricMetadata& metadata) {
    if (!wanted.empty() && metadata.metric != wanted) return;
    auto& known = metrics[metadata.metric];
    if (per_metric_max > 0 && known.size() >= per_metric_max) return;
    if (std::find(known.begin(), known.end(), metadata) == known.end()) known.push_back(metadata);
  });

  Answer answer;
  JsonWriter json(answer.body);
  json.begin_object();
  size_t written = 0;
  for (const auto& [name, entries] : metrics) {
    if (*limit && written++ >= **limit) break;
    json.key(name).begin_array();
    for (const scrape::MetricMetadata& entry : entries) {
      json.begin_object();
      json.key("type").string(metric_type_name(entry.type));
      json.key("unit").string(entry.unit);
      json.key("help").string(entry.help);
      json.end_object();
    }
    json.end_array();
  }
  json.end_object();
  return answer;
}

}  // namespace tidemark::api
