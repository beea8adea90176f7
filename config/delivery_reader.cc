#include "config/delivery_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "config/http_client_config.h"

namespace tidemark::config {
namespace {

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\n") - begin + 1);
}

bool is_url(std::string_view text) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (text.starts_with(scheme)) {
      const std::string_view rest = text.substr(scheme.size());
      return !rest.empty() && rest[0] != '/' && rest[0] != ':' && rest.find_first_of(" \t\n") == std::string_view::npos;
    }
  }
  return false;
}

WebhookConfig read_webhook(const YamlValue& value, const std::string& folder) {
  WebhookConfig webhook;
  YamlMap map = value.map();
  map.unsupported({"url_file", "hmac_secret", "hmac_secret_file", "payload"});
  const YamlValue url = map.required("url");
  webhook.url = url.secret();
  if (url.is_scalar() && !is_url(webhook.url.reveal())) url.error("must be an http:// or https:// address");
  webhook.send_resolved = map.boolean("send_resolved", webhook.send_resolved);
  webhook.max_alerts = static_cast<size_t>(map.integer("max_alerts", 0));
  const YamlValue timeout = map.get("timeout");
  webhook.timeout_ms = timeout.duration_ms(webhook.timeout_ms);
  if (webhook.timeout_ms == 0) webhook.timeout_ms = 10'000;  // As Alertmanager: 0 asks for no limit of its own.
  if (webhook.timeout_ms > 120'000) timeout.error("must be at most 2m");
  YamlMap http = map.get("http_config").map();
  if (http.present()) {
    webhook.http = read_http_client(http, folder);
    http.finish();
  }
  map.finish();
  return webhook;
}

Receiver read_receiver(const YamlValue& value, const std::string& folder) {
  Receiver receiver;
  receiver.line = value.line();
  YamlMap map = value.map();
  const YamlValue name = map.required("name");
  receiver.name = name.string();
  if (name.is_scalar() && receiver.name.empty()) name.error("must not be empty");
  for (const YamlValue& item : map.get("webhook_configs").items()) {
    receiver.webhooks.push_back(read_webhook(item, folder));
  }
  map.unsupported({"discord_configs", "email_configs", "incidentio_configs", "jira_configs", "mattermost_configs",
                   "msteams_configs", "msteamsv2_configs", "opsgenie_configs", "pagerduty_configs", "pushover_configs",
                   "rocketchat_configs", "slack_configs", "sns_configs", "telegram_configs", "victorops_configs",
                   "webex_configs", "wechat_configs"});
  map.finish();
  return receiver;
}

// NAME OP VALUE, the value bare or in double quotes with \" \\ \n inside.
bool add_matcher(std::string_view text, const YamlValue& value, std::vector<Matcher>& out) {
  text = trimmed(text);
  size_t at = text.find_first_of("=!");
  if (at == std::string_view::npos || at == 0) {
    value.error(fmt::format("must be like severity=\"critical\", got {}", quote_value(text)));
    return false;
  }
  const std::string_view name = trimmed(text.substr(0, at));
  MatchOp op = MatchOp::kEqual;
  const std::string_view rest = text.substr(at);
  size_t op_bytes = 2;
  if (rest.starts_with("=~")) {
    op = MatchOp::kRegex;
  } else if (rest.starts_with("!~")) {
    op = MatchOp::kNotRegex;
  } else if (rest.starts_with("!=")) {
    op = MatchOp::kNotEqual;
  } else if (rest.starts_with("=")) {
    op_bytes = 1;
  } else {
    value.error(fmt::format("must have one of = != =~ !~, got {}", quote_value(text)));
    return false;
  }
  std::string_view raw = trimmed(rest.substr(op_bytes));
  std::string unquoted(raw);
  if (raw.starts_with('"')) {
    unquoted.clear();
    size_t i = 1;
    for (; i < raw.size() && raw[i] != '"'; ++i) {
      if (raw[i] == '\\' && i + 1 < raw.size()) {
        ++i;
        unquoted += raw[i] == 'n' ? '\n' : raw[i];
      } else {
        unquoted += raw[i];
      }
    }
    if (i + 1 != raw.size()) {
      value.error(fmt::format("has a quote that does not end the matcher, got {}", quote_value(text)));
      return false;
    }
  }
  auto matcher = Matcher::make(op, name, unquoted);
  if (!matcher) {
    value.error(matcher.error().message());
    return false;
  }
  out.push_back(std::move(*matcher));
  return true;
}

// One item may hold several, separated by commas, in braces or not.
void read_matchers(const YamlValue& item, std::vector<Matcher>& out) {
  const std::string text = item.string();
  std::string_view rest = trimmed(text);
  if (rest.starts_with('{') && rest.ends_with('}')) rest = trimmed(rest.substr(1, rest.size() - 2));
  size_t begin = 0;
  bool quoted = false;
  for (size_t i = 0; i <= rest.size(); ++i) {
    if (i == rest.size() || (rest[i] == ',' && !quoted)) {
      const std::string_view one = trimmed(rest.substr(begin, i - begin));
      const bool trailing_comma = one.empty() && i == rest.size() && begin > 0;
      if (!trailing_comma && !add_matcher(one, item, out)) return;
      begin = i + 1;
    } else if (rest[i] == '\\') {
      ++i;
    } else if (rest[i] == '"') {
      quoted = !quoted;
    }
  }
}

void read_old_matchers(const YamlValue& map, MatchOp op, std::vector<Matcher>& out) {
  for (const YamlEntry& entry : map.entries()) {
    auto matcher = Matcher::make(op, entry.key, entry.value.string());
    if (matcher) {
      out.push_back(std::move(*matcher));
    } else {
      entry.value.error(matcher.error().message());
    }
  }
}

class RouteReader {
 public:
  explicit RouteReader(const std::vector<Receiver>& receivers) : receivers_(receivers) {}

  // Depth is bounded by that of a YAML file.
  Route read(const YamlValue& value, const Route& parent, bool root) const {
    Route route = parent;
    route.routes.clear();
    route.matchers.clear();
    route.continue_matching = false;
    route.line = value.line();
    YamlMap map = value.map();
    const YamlValue receiver = root ? map.required("receiver") : map.get("receiver");
    route.receiver = receiver.string(parent.receiver);
    const bool known =
        std::any_of(receivers_.begin(), receivers_.end(), [&](const Receiver& r) { return r.name == route.receiver; });
    if (receiver.is_scalar() && !known) {
      receiver.error(fmt::format("names the receiver {}, which is not in receivers", quote_value(route.receiver)));
    }
    read_group_by(map.get("group_by"), route);
    route.group_wait_ms = map.duration_ms("group_wait", parent.group_wait_ms);
    route.group_interval_ms = positive(map.get("group_interval"), parent.group_interval_ms);
    route.repeat_interval_ms = positive(map.get("repeat_interval"), parent.repeat_interval_ms);
    for (const YamlValue& item : map.get("matchers").items()) read_matchers(item, route.matchers);
    read_old_matchers(map.get("match"), MatchOp::kEqual, route.matchers);
    read_old_matchers(map.get("match_re"), MatchOp::kRegex, route.matchers);
    const YamlValue go_on = map.get("continue");
    route.continue_matching = go_on.boolean(false);
    if (root && !route.matchers.empty()) map.error("the outermost route gets every alert and must not have matchers");
    if (root && route.continue_matching) go_on.error("is not for the outermost route");
    for (const YamlValue& item : map.get("routes").items())
      route.routes.push_back(read(item, route_base(route), false));
    map.unsupported({"mute_time_intervals", "active_time_intervals"});
    map.finish();
    return route;
  }

 private:
  // What children inherit: copying the siblings read so far along would cost a square of their number.
  static Route route_base(const Route& route) {
    Route base;
    base.receiver = route.receiver;
    base.group_by = route.group_by;
    base.group_by_all = route.group_by_all;
    base.group_wait_ms = route.group_wait_ms;
    base.group_interval_ms = route.group_interval_ms;
    base.repeat_interval_ms = route.repeat_interval_ms;
    return base;
  }

  static int64_t positive(const YamlValue& value, int64_t fallback) {
    const int64_t ms = value.duration_ms(fallback);
    if (ms == 0) value.error("must be greater than 0");
    return ms;
  }

  static void read_group_by(const YamlValue& value, Route& route) {
    if (!value.present()) return;
    route.group_by.clear();
    route.group_by_all = false;
    for (std::string& name : value.strings()) {
      if (name == "...") {
        route.group_by_all = true;
      } else if (!name.empty()) {
        route.group_by.push_back(std::move(name));
      } else {
        value.error("must not hold an empty name");
      }
    }
    std::sort(route.group_by.begin(), route.group_by.end());
    if (std::adjacent_find(route.group_by.begin(), route.group_by.end()) != route.group_by.end()) {
      value.error("names a label twice");
    }
    if (route.group_by_all && !route.group_by.empty()) value.error("must not name labels beside '...'");
  }

  const std::vector<Receiver>& receivers_;
};

}  // namespace

DeliveryConfig read_delivery(YamlMap& top, const std::string& folder) {
  DeliveryConfig delivery;
  std::set<std::string> names;
  for (const YamlValue& item : top.get("receivers").items()) {
    delivery.receivers.push_back(read_receiver(item, folder));
    const std::string& name = delivery.receivers.back().name;
    if (!name.empty() && !names.insert(name).second) {
      item.error(fmt::format("has the name {} twice", quote_value(name)));
    }
  }
  const YamlValue route = top.get("route");
  if (route.present() && delivery.receivers.empty()) {
    route.error("needs receivers");
    (void)route.map();
  } else if (route.present()) {
    delivery.route = RouteReader(delivery.receivers).read(route, Route{}, true);
  } else if (!delivery.receivers.empty()) {
    delivery.route.receiver = delivery.receivers.front().name;
    delivery.route.group_by = {"alertname"};
  }
  top.unsupported({"global", "inhibit_rules", "time_intervals", "mute_time_intervals", "templates"});
  return delivery;
}

}  // namespace tidemark::config
