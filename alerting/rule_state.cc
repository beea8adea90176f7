#include "alerting/rule_state.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "model/varint.h"

namespace tidemark::alerting {
namespace {

constexpr std::string_view kAlertPrefix = "alerting/alert/";
constexpr std::string_view kEvaluatedKey = "alerting/evaluated";
constexpr char kVersion = 1;
// The store takes values up to 1 MB; texts beyond this are left out and return with the next evaluation.
constexpr size_t kAnnotationBytesMax = 512 << 10;

std::string alert_key(const std::string& rule_key, const Labels& labels) {
  std::string key(kAlertPrefix);
  key += rule_key;
  key += '\0';
  return key += labels.encoded();
}

std::string encode_clocks(const ActiveAlert& alert) {
  std::string out(1, kVersion);
  append_varint(out, static_cast<uint64_t>(alert.state));
  for (const int64_t ms : {alert.active_at_ms, alert.fired_at_ms, alert.resolved_at_ms, alert.keep_firing_since_ms}) {
    append_varint(out, static_cast<uint64_t>(ms));
  }
  return out;
}

void append_annotations(std::string& out, const Annotations& annotations) {
  std::string texts;
  for (const auto& [name, text] : annotations) {
    append_prefixed(texts, name);
    append_prefixed(texts, text);
  }
  const bool fits = texts.size() <= kAnnotationBytesMax;
  append_varint(out, fits ? annotations.size() : 0);
  if (fits) out += texts;
}

std::optional<ActiveAlert> decode_alert(std::string_view in) {
  if (in.empty() || in.front() != kVersion) return std::nullopt;
  in.remove_prefix(1);
  uint64_t state = 0, active = 0, fired = 0, resolved = 0, keep_since = 0, annotations = 0;
  for (uint64_t* field : {&state, &active, &fired, &resolved, &keep_since, &annotations}) {
    if (!take_varint(in, *field)) return std::nullopt;
  }
  if (state > static_cast<uint64_t>(AlertState::kFiring)) return std::nullopt;
  ActiveAlert alert;
  alert.state = static_cast<AlertState>(state);
  alert.active_at_ms = static_cast<int64_t>(active);
  alert.fired_at_ms = static_cast<int64_t>(fired);
  alert.resolved_at_ms = static_cast<int64_t>(resolved);
  alert.keep_firing_since_ms = static_cast<int64_t>(keep_since);
  for (uint64_t i = 0; i < annotations; ++i) {
    std::string_view name, text;
    if (!take_prefixed(in, name) || !take_prefixed(in, text)) return std::nullopt;
    alert.annotations.emplace_back(name, text);
  }
  if (!in.empty()) return std::nullopt;
  return alert;
}

}  // namespace

storage::StateChange evaluated_change(int64_t now_ms) {
  std::string value;
  append_varint(value, static_cast<uint64_t>(now_ms));
  return {std::string(kEvaluatedKey), std::move(value)};
}

Result<StoredAlerts> load_alerts(storage::StateStore& store, int64_t now_ms) {
  const auto evaluated = store.get_state(kEvaluatedKey);
  if (!evaluated) return fail(evaluated.error());
  uint64_t evaluated_ms = 0;
  int64_t gap_ms = 0;
  if (*evaluated) {
    std::string_view text = **evaluated;
    if (take_varint(text, evaluated_ms)) gap_ms = std::max<int64_t>(0, now_ms - static_cast<int64_t>(evaluated_ms));
  }
  auto pairs = store.scan_state(kAlertPrefix);
  if (!pairs) return fail(pairs.error());
  StoredAlerts result;
  for (auto& [key, value] : *pairs) {
    const std::string_view rest = std::string_view(key).substr(kAlertPrefix.size());
    const size_t zero = rest.find('\0');
    auto alert = decode_alert(value);
    if (zero == std::string_view::npos || !is_valid_encoding(rest.substr(zero + 1)) || !alert) {
      result.unreadable.push_back(std::move(key));
      continue;
    }
    // Not past now: a clock that was set back must not put the start of an alert into the future.
    if (alert->state == AlertState::kPending) {
      alert->active_at_ms = std::min(alert->active_at_ms + gap_ms, std::max(alert->active_at_ms, now_ms));
    }
    result.by_rule[std::string(rest.substr(0, zero))].emplace(Labels(LabelsView(rest.substr(zero + 1))),
                                                              std::move(*alert));
  }
  return result;
}

void RuleState::loaded(const AlertRule::Alerts& alerts) {
  stored_.clear();
  for (const auto& [labels, alert] : alerts) stored_.emplace(labels, encode_clocks(alert));
}

void RuleState::append_changes(const AlertRule::Alerts& alerts, std::vector<storage::StateChange>& changes) const {
  for (const auto& [labels, clocks] : stored_) {
    if (!alerts.contains(labels)) changes.push_back({alert_key(rule_key_, labels), std::nullopt});
  }
  for (const auto& [labels, alert] : alerts) {
    std::string clocks = encode_clocks(alert);
    const auto at = stored_.find(labels);
    if (at != stored_.end() && at->second == clocks) continue;
    append_annotations(clocks, alert.annotations);
    changes.push_back({alert_key(rule_key_, labels), std::move(clocks)});
  }
}

}  // namespace tidemark::alerting
