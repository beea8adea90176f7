#include "alerting/webhook_payload.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "model/json.h"
#include "model/rfc3339.h"

namespace tidemark::alerting {
namespace {

using TextMap = std::map<std::string_view, std::string_view>;

TextMap to_map(LabelsView labels) {
  TextMap map;
  for (const LabelView& label : labels) map.emplace(label.name, label.value);
  return map;
}

TextMap to_map(const Annotations& annotations) { return {annotations.begin(), annotations.end()}; }

void append_key(std::string& out, std::string_view key) {
  append_json_string(out, key);
  out += ':';
}

void append_member(std::string& out, std::string_view key, std::string_view value) {
  append_key(out, key);
  append_json_string(out, value);
  out += ',';
}

void append_map(std::string& out, std::string_view key, const TextMap& map) {
  append_key(out, key);
  out += '{';
  bool first = true;
  for (const auto& [name, value] : map) {
    if (!first) out += ',';
    first = false;
    append_key(out, name);
    append_json_string(out, value);
  }
  out += "},";
}

// Keeps what every alert has with the same value.
void intersect(TextMap& common, const TextMap& other) {
  std::erase_if(common, [&](const auto& pair) {
    const auto found = other.find(pair.first);
    return found == other.end() || found->second != pair.second;
  });
}

void append_alert(std::string& out, const Alert& alert, int64_t now_ms) {
  const bool resolved = alert.resolved(now_ms);
  out += '{';
  append_member(out, "status", resolved ? "resolved" : "firing");
  append_map(out, "labels", to_map(alert.labels));
  append_map(out, "annotations", to_map(alert.annotations));
  append_member(out, "startsAt", format_rfc3339(alert.starts_at_ms));
  append_member(out, "endsAt", resolved ? format_rfc3339(alert.ends_at_ms) : kNoTimeRfc3339);
  append_member(out, "generatorURL", alert.generator_url);
  append_key(out, "fingerprint");
  append_json_string(out, fmt::format("{:016x}", alert.labels.hash()));
  out += '}';
}

}  // namespace

std::string webhook_payload(const PayloadContext& context, const std::vector<const Alert*>& alerts, int64_t now_ms) {
  const bool firing = std::any_of(alerts.begin(), alerts.end(), [&](const Alert* a) { return !a->resolved(now_ms); });
  TextMap common_labels = to_map(alerts.front()->labels);
  TextMap common_annotations = to_map(alerts.front()->annotations);
  for (const Alert* alert : alerts) {
    intersect(common_labels, to_map(alert->labels));
    intersect(common_annotations, to_map(alert->annotations));
  }

  std::string list;
  size_t written = 0;
  for (const Alert* alert : alerts) {
    if (context.alerts_max != 0 && written == context.alerts_max) break;
    std::string one;
    append_alert(one, *alert, now_ms);
    if (context.bytes_max != 0 && written > 0 && list.size() + one.size() > context.bytes_max) break;
    if (written > 0) list += ',';
    list += one;
    ++written;
  }

  std::string out = "{";
  append_member(out, "version", "4");
  append_member(out, "groupKey", context.group_key);
  append_key(out, "truncatedAlerts");
  out += fmt::format("{},", alerts.size() - written);
  append_member(out, "status", firing ? "firing" : "resolved");
  append_member(out, "receiver", context.receiver);
  append_map(out, "groupLabels", to_map(context.group_labels));
  append_map(out, "commonLabels", common_labels);
  append_map(out, "commonAnnotations", common_annotations);
  append_member(out, "externalURL", context.external_url);
  append_key(out, "alerts");
  out += '[' + list + "]}";
  return out;
}

}  // namespace tidemark::alerting
