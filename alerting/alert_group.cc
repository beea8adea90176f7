#include "alerting/alert_group.h"

#include <algorithm>

#include "model/varint.h"

namespace tidemark::alerting {
namespace {

constexpr uint64_t kFormat = 1;

bool is_subset(const std::set<uint64_t>& part, const std::set<uint64_t>& whole) {
  return std::includes(whole.begin(), whole.end(), part.begin(), part.end());
}

void append_set(std::string& out, const std::set<uint64_t>& set) {
  append_varint(out, set.size());
  for (const uint64_t hash : set) append_varint(out, hash);
}

bool take_set(std::string_view& in, std::set<uint64_t>& set) {
  uint64_t count = 0;
  if (!take_varint(in, count) || count > in.size()) return false;
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t hash = 0;
    if (!take_varint(in, hash)) return false;
    set.insert(hash);
  }
  return true;
}

void append_alert(std::string& out, const Alert& alert) {
  append_prefixed(out, alert.labels.encoded());
  append_varint(out, alert.annotations.size());
  for (const auto& [name, value] : alert.annotations) {
    append_prefixed(out, name);
    append_prefixed(out, value);
  }
  append_signed_varint(out, alert.starts_at_ms);
  append_signed_varint(out, alert.ends_at_ms);
  append_prefixed(out, alert.generator_url);
}

bool take_alert(std::string_view& in, Alert& alert) {
  std::string_view labels;
  uint64_t annotations = 0;
  if (!take_prefixed(in, labels) || !is_valid_encoding(labels) || !take_varint(in, annotations)) return false;
  if (annotations > in.size()) return false;
  alert.labels = Labels(LabelsView(labels));
  for (uint64_t i = 0; i < annotations; ++i) {
    std::string_view name;
    std::string_view value;
    if (!take_prefixed(in, name) || !take_prefixed(in, value)) return false;
    alert.annotations.emplace_back(name, value);
  }
  std::string_view url;
  if (!take_signed_varint(in, alert.starts_at_ms) || !take_signed_varint(in, alert.ends_at_ms) ||
      !take_prefixed(in, url)) {
    return false;
  }
  alert.generator_url = url;
  return true;
}

}  // namespace

std::vector<const Alert*> take_message(AlertGroup& group, size_t webhook, bool send_resolved,
                                       int64_t repeat_interval_ms, int64_t now_ms) {
  AlertGroup::Told now{now_ms, {}, {}};
  std::vector<const Alert*> message;
  for (const auto& [labels, alert] : group.alerts) {
    const bool resolved = alert.resolved(now_ms);
    (resolved ? now.resolved : now.firing).insert(labels.hash());
    if (!resolved || send_resolved) message.push_back(&alert);
  }
  const auto before = group.told.find(webhook);
  bool worth_telling = false;
  if (before == group.told.end()) {
    worth_telling = !now.firing.empty();
  } else if (!is_subset(now.firing, before->second.firing)) {
    worth_telling = true;
  } else if (now.firing.empty()) {
    worth_telling = !before->second.firing.empty() && send_resolved;
  } else {
    worth_telling = (send_resolved && !is_subset(now.resolved, before->second.resolved)) ||
                    now_ms - before->second.at_ms >= repeat_interval_ms;
  }
  if (!worth_telling || message.empty()) return {};
  group.told[webhook] = std::move(now);
  return message;
}

std::string encode_group(const AlertGroup& group, size_t bytes_max) {
  std::string out;
  append_varint(out, kFormat);
  append_prefixed(out, group.key);
  append_prefixed(out, group.receiver);
  append_varint(out, group.told.size());
  for (const auto& [webhook, told] : group.told) {
    append_varint(out, webhook);
    append_signed_varint(out, told.at_ms);
    append_set(out, told.firing);
    append_set(out, told.resolved);
  }
  for (const auto& [labels, alert] : group.alerts) {
    std::string one;
    append_alert(one, alert);
    if (out.size() + one.size() > bytes_max) break;
    out += one;
  }
  return out;
}

std::optional<AlertGroup> decode_group(std::string_view bytes) {
  AlertGroup group;
  uint64_t format = 0;
  uint64_t told_count = 0;
  std::string_view key;
  std::string_view receiver;
  if (!take_varint(bytes, format) || format != kFormat || !take_prefixed(bytes, key) ||
      !take_prefixed(bytes, receiver)) {
    return std::nullopt;
  }
  if (!take_varint(bytes, told_count) || told_count > bytes.size()) return std::nullopt;
  group.key = key;
  group.receiver = receiver;
  for (uint64_t i = 0; i < told_count; ++i) {
    uint64_t webhook = 0;
    AlertGroup::Told told;
    if (!take_varint(bytes, webhook) || !take_signed_varint(bytes, told.at_ms) || !take_set(bytes, told.firing) ||
        !take_set(bytes, told.resolved)) {
      return std::nullopt;
    }
    group.told.emplace(webhook, std::move(told));
  }
  while (!bytes.empty()) {
    Alert alert;
    if (!take_alert(bytes, alert)) return std::nullopt;
    group.alerts.emplace(alert.labels, std::move(alert));
  }
  return group;
}

}  // namespace tidemark::alerting
