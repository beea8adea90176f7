#include "alerting/alert_rule.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "model/number.h"
#include "net/http_message.h"

namespace tidemark::alerting {
namespace {

constexpr std::string_view kAlertsSeries = "ALERTS";
constexpr std::string_view kAlertsForStateSeries = "ALERTS_FOR_STATE";
constexpr std::string_view kAlertStateLabel = "alertstate";

std::string asked_expression(const config::Rule& rule) {
  if (!rule.threshold || !rule.threshold->recover) return rule.expr;
  const config::Threshold& threshold = *rule.threshold;
  return fmt::format("{} {} {}", threshold.metric, threshold.above ? ">=" : "<=", format_float(*threshold.recover));
}

}  // namespace

AlertRule::AlertRule(const RuleEnvironment& environment, std::string key, const config::Rule& rule)
    : environment_(environment),
      rule_(rule),
      key_(std::move(key)),
      expression_(asked_expression(rule)),
      query_(shown_query(rule.expr)),
      labels_(parse(rule.labels)),
      annotations_(parse(rule.annotations)) {}

std::vector<AlertRule::NamedTemplate> AlertRule::parse(const std::vector<config::RuleText>& texts) const {
  std::vector<NamedTemplate> templates;
  templates.reserve(texts.size());
  for (const config::RuleText& text : texts) {
    // One that does not parse was refused when the file was loaded.
    templates.push_back({text.name, Template::parse("__alert_" + rule_.name, text.value).value_or(Template())});
  }
  return templates;
}

bool AlertRule::triggers(double value) const {
  if (!rule_.threshold || !rule_.threshold->recover) return true;
  return rule_.threshold->above ? value > rule_.threshold->bound : value < rule_.threshold->bound;
}

Result<AlertRule::FoundAlerts> AlertRule::found(const std::vector<RuleSample>& samples, int64_t now_ms) const {
  FoundAlerts result;
  LabelsBuilder builder;
  for (const RuleSample& sample : samples) {
    TemplateData data;
    data.labels = sample.labels;
    data.value = sample.value;
    data.external_labels = environment_.external_labels;
    data.external_url = environment_.external_url;
    data.now_ms = now_ms;
    data.query = &environment_.query;

    builder.reset(sample.labels);
    builder.erase(kMetricName);
    for (const NamedTemplate& label : labels_) builder.set(label.name, label.text.expand(data));
    builder.set(kAlertNameLabel, rule_.name);

    Found one;
    one.triggers = triggers(sample.value);
    one.alert.value = sample.value;
    one.alert.active_at_ms = now_ms;
    for (const NamedTemplate& annotation : annotations_) {
      one.alert.annotations.emplace_back(annotation.name, annotation.text.expand(data));
    }
    if (!result.emplace(builder.build(), std::move(one)).second) {
      return fail(Status::execution("vector contains metrics with the same labelset after applying alert labels"));
    }
  }
  return result;
}

// An alert that the answer no longer holds: whether keep_firing_for keeps it up.
bool AlertRule::keeps_firing(ActiveAlert& alert, int64_t now_ms) const {
  if (alert.state != AlertState::kFiring || rule_.keep_firing_for_ms == 0) return false;
  if (alert.keep_firing_since_ms == 0) alert.keep_firing_since_ms = now_ms;
  return now_ms - alert.keep_firing_since_ms < rule_.keep_firing_for_ms;
}

void AlertRule::advance(Alerts& alerts, FoundAlerts found, int64_t now_ms) const {
  for (auto& [labels, one] : found) {
    const auto at = alerts.find(labels);
    const bool firing = at != alerts.end() && at->second.state == AlertState::kFiring;
    if (!one.triggers && !firing) continue;
    if (at != alerts.end() && at->second.state != AlertState::kInactive) {
      at->second.value = one.alert.value;
      at->second.annotations = std::move(one.alert.annotations);
      at->second.keep_firing_since_ms = 0;
    } else {
      alerts.insert_or_assign(labels, std::move(one.alert));
    }
  }
  for (auto at = alerts.begin(); at != alerts.end();) {
    ActiveAlert& alert = at->second;
    const auto in_answer = found.find(at->first);
    const bool holds = in_answer != found.end() && (in_answer->second.triggers || alert.state == AlertState::kFiring);
    if (holds) {
      if (alert.state == AlertState::kPending && now_ms - alert.active_at_ms >= rule_.for_ms) {
        alert.state = AlertState::kFiring;
        alert.fired_at_ms = now_ms;
      }
    } else if (alert.state == AlertState::kFiring && !keeps_firing(alert, now_ms)) {
      alert.state = AlertState::kInactive;
      alert.resolved_at_ms = now_ms;
    } else if (alert.state == AlertState::kPending ||
               (alert.state == AlertState::kInactive && now_ms - alert.resolved_at_ms > kResolvedRetentionMs)) {
      at = alerts.erase(at);
      continue;
    }
    ++at;
  }
}

Result<std::vector<RuleSample>> AlertRule::evaluate(const EvaluationTime& when) {
  const auto answer = query_samples(environment_, expression_, when.sample_ms());
  if (!answer) return fail(answer.error());
  auto alerts_found = found(*answer, when.now_ms);
  if (!alerts_found) return fail(alerts_found.error());
  Alerts next = active_;
  advance(next, std::move(*alerts_found), when.now_ms);
  const auto up = std::count_if(next.begin(), next.end(),
                                [](const auto& entry) { return entry.second.state != AlertState::kInactive; });
  if (when.limit > 0 && static_cast<size_t>(up) > when.limit) {
    return fail(Status::limit(fmt::format("exceeded limit of {} with {} alerts", when.limit, up)));
  }
  active_ = std::move(next);
  return samples();
}

std::vector<RuleSample> AlertRule::samples() const {
  std::vector<RuleSample> samples;
  LabelsBuilder builder;
  for (const auto& [labels, alert] : active_) {
    if (alert.state == AlertState::kInactive) continue;
    builder.reset(labels);
    builder.set(kMetricName, kAlertsForStateSeries);
    samples.push_back({builder.build(), std::floor(static_cast<double>(alert.active_at_ms) / 1000)});
    builder.set(kMetricName, kAlertsSeries);
    builder.set(kAlertStateLabel, alert_state_name(alert.state));
    samples.push_back({builder.build(), 1});
  }
  return samples;
}

RuleView AlertRule::view() const {
  RuleView view;
  view.kind = RuleKind::kAlerting;
  view.name = rule_.name;
  view.query = query_;
  std::vector<LabelView> pairs;
  for (const config::RuleText& label : rule_.labels) pairs.push_back({label.name, label.value});
  view.labels = Labels::from_pairs(std::move(pairs));
  for (const config::RuleText& text : rule_.annotations) view.annotations.emplace_back(text.name, text.value);
  view.for_ms = rule_.for_ms;
  view.keep_firing_for_ms = rule_.keep_firing_for_ms;
  for (const auto& [labels, alert] : active_) {
    if (alert.state == AlertState::kInactive) continue;
    view.state = std::max(view.state, alert.state);
    AlertView& shown = view.alerts.emplace_back();
    shown.labels = labels;
    shown.annotations = alert.annotations;
    shown.state = alert.state;
    shown.active_at_ms = alert.active_at_ms;
    if (alert.keep_firing_since_ms != 0) shown.keep_firing_since_ms = alert.keep_firing_since_ms;
    shown.value = alert.value;
  }
  return view;
}

void AlertRule::take_due(int64_t now_ms, int64_t resend_delay_ms, int64_t interval_ms, std::vector<Alert>& out) {
  const int64_t valid_ms = 4 * std::max(resend_delay_ms, interval_ms);
  for (auto& [labels, alert] : active_) {
    if (alert.state == AlertState::kPending) continue;
    const bool news = alert.last_sent_ms == 0 || alert.resolved_at_ms > alert.last_sent_ms;
    if (!news && now_ms - alert.last_sent_ms < resend_delay_ms) continue;
    alert.last_sent_ms = now_ms;
    Alert& told = out.emplace_back();
    told.labels = labels;
    told.annotations = alert.annotations;
    told.starts_at_ms = alert.fired_at_ms;
    told.ends_at_ms = alert.state == AlertState::kInactive ? alert.resolved_at_ms : now_ms + valid_ms;
    told.generator_url =
        fmt::format("{}/graph?g0.expr={}&g0.tab=1", environment_.external_url, net::url_encode(rule_.expr));
  }
}

}  // namespace tidemark::alerting
