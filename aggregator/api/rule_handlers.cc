#include "aggregator/api/rule_handlers.h"

#include <fmt/format.h>

#include <algorithm>

#include "aggregator/api/json_writer.h"
#include "aggregator/api/parameters.h"

namespace tidemark::api {
namespace {

using alerting::AlertView;
using alerting::GroupView;
using alerting::RuleKind;
using alerting::RuleView;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  return out;
}

double seconds(int64_t ms) { return static_cast<double>(ms) / 1000; }

bool contains(const std::vector<std::string_view>& wanted, std::string_view value) {
  return wanted.empty() || std::find(wanted.begin(), wanted.end(), value) != wanted.end();
}

// Which rules are shown.
struct Filter {
  std::vector<std::string_view> rule_names;
  std::vector<std::string_view> group_names;
  std::vector<std::string_view> files;
  std::vector<std::vector<Matcher>> matcher_sets;
  bool alerting = true;
  bool recording = true;
  bool exclude_alerts = false;
  size_t group_limit = 0;  // 0: no pages.
  std::string_view next_token;

  bool wants(const GroupView& group) const { return contains(group_names, group.name) && contains(files, group.file); }
  bool wants(const RuleView& rule) const {
    if (!(rule.kind == RuleKind::kAlerting ? alerting : recording) || !contains(rule_names, rule.name)) return false;
    return matcher_sets.empty() || std::any_of(matcher_sets.begin(), matcher_sets.end(), [&rule](const auto& matchers) {
             return matches_all(matchers, rule.labels);
           });
  }
  bool wants_any(const GroupView& group) const {
    return std::any_of(group.rules.begin(), group.rules.end(), [this](const RuleView& rule) { return wants(rule); });
  }
};

tl::expected<bool, Error> read_bool(const Parameters& parameters, std::string_view name) {
  const std::string text = lower(parameters.value(name));
  if (text.empty() || text == "0" || text == "f" || text == "false") return false;
  if (text == "1" || text == "t" || text == "true") return true;
  return refuse(bad_parameter(
      name, fmt::format("error converting {}: strconv.ParseBool: parsing \"{}\": invalid syntax", name, text)));
}

tl::expected<void, Error> read_paging(const Parameters& parameters, Filter& filter) {
  const std::string_view limit = parameters.value("group_limit");
  filter.next_token = parameters.value("group_next_token");
  if (limit.empty() && !filter.next_token.empty()) {
    return refuse(
        bad_parameter("group_next_token", "group_limit needs to be present in order to paginate over the groups"));
  }
  if (limit.empty()) return {};
  const auto groups = parse_integer<int32_t>("ParseInt", limit);
  if (!groups) {
    return refuse(bad_parameter("group_limit", "group_limit needs to be a valid number: " + groups.error().message()));
  }
  if (*groups <= 0) return refuse(bad_parameter("group_limit", "group_limit needs to be greater than 0"));
  filter.group_limit = static_cast<size_t>(*groups);
  return {};
}

tl::expected<Filter, Error> read_filter(const Parameters& parameters) {
  Filter filter;
  filter.rule_names = parameters.values("rule_name[]");
  filter.group_names = parameters.values("rule_group[]");
  filter.files = parameters.values("file[]");
  auto sets = parameters.matcher_sets();
  if (!sets) return refuse({ErrorType::kBadData, sets.error().message()});
  filter.matcher_sets = std::move(*sets);
  const std::string type = lower(parameters.value("type"));
  if (!type.empty() && type != "alert" && type != "record")
    return refuse(bad_parameter("type", fmt::format("not supported value \"{}\"", type)));
  filter.alerting = type != "record";
  filter.recording = type != "alert";
  const auto exclude = read_bool(parameters, "exclude_alerts");
  if (!exclude) return refuse(exclude.error());
  filter.exclude_alerts = *exclude;
  if (const auto paging = read_paging(parameters, filter); !paging) return refuse(paging.error());
  return filter;
}

// Names the group that a next page begins with. Opaque to clients.
std::string page_token(const GroupView& group) {
  std::string token;
  for (const char c : group.file + ";" + group.name) token += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return token;
}

void write_annotations(JsonWriter& json, const alerting::Annotations& annotations) {
  json.begin_object();
  for (const auto& [name, value] : annotations) json.key(name).string(value);
  json.end_object();
}

void write_alert(JsonWriter& json, const AlertView& alert) {
  std::string value;
  alerting::append_float_exponent(value, alert.value);
  json.begin_object();
  json.key("labels").labels(alert.labels);
  json.key("annotations");
  write_annotations(json, alert.annotations);
  json.key("state").string(alerting::alert_state_name(alert.state));
  json.key("activeAt").date(alert.active_at_ms);
  if (alert.keep_firing_since_ms) json.key("keepFiringSince").date(*alert.keep_firing_since_ms);
  json.key("value").string(value);
  json.end_object();
}

void write_alerting_fields(JsonWriter& json, const RuleView& rule, bool exclude_alerts) {
  json.key("duration").number(seconds(rule.for_ms));
  json.key("keepFiringFor").number(seconds(rule.keep_firing_for_ms));
  json.key("labels").labels(rule.labels);
  json.key("annotations");
  write_annotations(json, rule.annotations);
  json.key("alerts");
  if (exclude_alerts) {
    json.null();
  } else {
    json.begin_array();
    for (const AlertView& alert : rule.alerts) write_alert(json, alert);
    json.end_array();
  }
}

void write_rule(JsonWriter& json, const RuleView& rule, bool exclude_alerts) {
  json.begin_object();
  if (rule.kind == RuleKind::kAlerting) json.key("state").string(alerting::alert_state_name(rule.state));
  json.key("name").string(rule.name);
  json.key("query").string(rule.query);
  if (rule.kind == RuleKind::kAlerting) {
    write_alerting_fields(json, rule, exclude_alerts);
  } else if (!rule.labels.empty()) {
    json.key("labels").labels(rule.labels);
  }
  json.key("health").string(alerting::rule_health_name(rule.health));
  if (!rule.last_error.empty()) json.key("lastError").string(rule.last_error);
  json.key("evaluationTime").number(rule.evaluation_seconds);
  json.key("lastEvaluation").date_or_never(rule.last_evaluation_ms);
  json.key("type").string(alerting::rule_kind_name(rule.kind));
  json.end_object();
}

void write_group(JsonWriter& json, const GroupView& group, const Filter& filter) {
  json.begin_object();
  json.key("name").string(group.name);
  json.key("file").string(group.file);
  json.key("rules").begin_array();
  for (const RuleView& rule : group.rules)
    if (filter.wants(rule)) write_rule(json, rule, filter.exclude_alerts);
  json.end_array();
  json.key("interval").number(seconds(group.interval_ms));
  json.key("limit").integer(static_cast<int64_t>(group.limit));
  json.key("evaluationTime").number(group.evaluation_seconds);
  json.key("lastEvaluation").date_or_never(group.last_evaluation_ms);
  json.end_object();
}

}  // namespace

Outcome rules(const alerting::RuleSource& source, const net::Request& request) {
  const Parameters parameters(request);
  const auto filter = read_filter(parameters);
  if (!filter) return refuse(filter.error());
  const auto groups = source.groups();
  auto group = groups.begin();
  if (!filter->next_token.empty()) {
    group =
        std::find_if(groups.begin(), groups.end(), [&](const auto& g) { return page_token(*g) == filter->next_token; });
    if (group == groups.end()) {
      return refuse(
          bad_parameter("group_next_token",
                        fmt::format("invalid group_next_token '{}'. were rule groups changed?", filter->next_token)));
    }
  }

  Answer answer;
  JsonWriter json(answer.body);
  json.begin_object().key("groups").begin_array();
  size_t written = 0;
  std::string next_token;
  for (; group != groups.end(); ++group) {
    if (!filter->wants(**group) || !filter->wants_any(**group)) continue;
    if (filter->group_limit > 0 && written == filter->group_limit) {
      next_token = page_token(**group);
      break;
    }
    write_group(json, **group, *filter);
    ++written;
  }
  json.end_array();
  if (!next_token.empty()) json.key("groupNextToken").string(next_token);
  json.end_object();
  return answer;
}

Outcome alerts(const alerting::RuleSource& source) {
  Answer answer;
  JsonWriter json(answer.body);
  json.begin_object().key("alerts").begin_array();
  for (const auto& group : source.groups())
    for (const RuleView& rule : group->rules)
      for (const AlertView& alert : rule.alerts) write_alert(json, alert);
  json.end_array().end_object();
  return answer;
}

Outcome alertmanagers() {
  Answer answer;
  answer.body += R"({"activeAlertmanagers":[],"droppedAlertmanagers":[]})";
  return answer;
}

}  // namespace tidemark::api
