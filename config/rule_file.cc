#include "config/rule_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "config/delivery_reader.h"
#include "config/file_path.h"
#include "config/yaml_reader.h"
#include "model/number.h"
#include "model/utf8.h"

namespace tidemark::config {
namespace {

std::vector<RuleText> read_texts(const YamlValue& value, bool is_label) {
  std::vector<RuleText> texts;
  for (const YamlEntry& entry : value.entries()) {
    if (entry.key.empty() || !is_valid_utf8(entry.key) || (is_label && entry.key == kMetricName)) {
      entry.value.error(is_label ? "is not a label name that may be set" : "is not an annotation name");
      continue;
    }
    std::string text = entry.value.string();
    if (!is_valid_utf8(text)) entry.value.error("must be UTF-8");
    texts.push_back({entry.key, std::move(text), entry.value.line()});
  }
  std::sort(texts.begin(), texts.end(), [](const RuleText& a, const RuleText& b) { return a.name < b.name; });
  return texts;
}

std::vector<RuleText> merged(const std::vector<RuleText>& group, std::vector<RuleText> rule) {
  for (const RuleText& text : group) {
    const auto at = std::lower_bound(rule.begin(), rule.end(), text,
                                     [](const RuleText& a, const RuleText& b) { return a.name < b.name; });
    if (at == rule.end() || at->name != text.name) rule.insert(at, text);
  }
  return rule;
}

std::optional<Threshold> read_threshold(YamlMap& map, Rule& rule) {
  const YamlValue metric = map.get("metric");
  const YamlValue above = map.get("above");
  const YamlValue below = map.get("below");
  const YamlValue recover_below = map.get("recover_below");
  const YamlValue recover_above = map.get("recover_above");
  if (!metric.present()) {
    for (const YamlValue& value : {above, below, recover_below, recover_above}) {
      if (value.present()) value.error("needs \"metric\" beside it");
    }
    return std::nullopt;
  }
  Threshold threshold;
  threshold.metric = metric.string();
  rule.expr_line = metric.line();
  if (rule.kind == Rule::Kind::kRecord) metric.error("is for alerts, not for a recorded series");
  if (map.has("expr")) metric.error("and \"expr\" exclude each other");
  if (above.present() == below.present()) {
    metric.error("needs one of \"above\" and \"below\"");
    return std::nullopt;
  }
  threshold.above = above.present();
  const YamlValue& bound = threshold.above ? above : below;
  threshold.bound = bound.number(0);
  if (!std::isfinite(threshold.bound)) bound.error("must be a finite number");
  const YamlValue& wrong = threshold.above ? recover_above : recover_below;
  const YamlValue& recover = threshold.above ? recover_below : recover_above;
  if (wrong.present()) {
    wrong.error(threshold.above ? "goes with \"below\"; with \"above\" it is recover_below"
                                : "goes with \"above\"; with \"below\" it is recover_above");
  }
  if (recover.present()) {
    threshold.recover = recover.number(threshold.bound);
    const bool inside = threshold.above ? *threshold.recover <= threshold.bound : *threshold.recover >= threshold.bound;
    if (!inside) recover.error(fmt::format("must not be {} the bound", threshold.above ? "above" : "below"));
  }
  rule.expr = fmt::format("{} {} {}", threshold.metric, threshold.above ? ">" : "<", format_float(threshold.bound));
  return threshold;
}

void check_record_name(const YamlValue& name, const std::string& text) {
  if (text.find_first_of("{}") != std::string::npos) {
    name.error(fmt::format("must be a metric name, got {}; braces belong into \"expr\"", quote_value(text)));
  } else if (text.empty() || !is_valid_utf8(text)) {
    name.error(fmt::format("must be a metric name, got {}", quote_value(text)));
  }
}

Rule read_rule(const YamlValue& value, const std::vector<RuleText>& group_labels) {
  Rule rule;
  rule.line = value.line();
  YamlMap map = value.map();
  const YamlValue record = map.get("record");
  const YamlValue alert = map.get("alert");
  rule.kind = record.present() ? Rule::Kind::kRecord : Rule::Kind::kAlert;
  if (record.present() && alert.present()) record.error("and \"alert\" exclude each other");
  if (!record.present() && !alert.present()) map.error("a rule needs \"record\" or \"alert\"");
  const YamlValue& name = record.present() ? record : alert;
  rule.name = name.string();
  if (record.is_scalar()) check_record_name(record, rule.name);
  if (alert.is_scalar() && rule.name.empty()) alert.error("must not be empty");

  const YamlValue expr = map.get("expr");
  rule.expr = expr.string();
  rule.expr_line = expr.line();
  rule.threshold = read_threshold(map, rule);
  if (!expr.present() && !map.has("metric")) map.error("a rule needs \"expr\"");
  if (expr.is_scalar() && rule.expr.empty()) expr.error("must not be empty");

  const YamlValue hold = map.get("for");
  const YamlValue keep = map.get("keep_firing_for");
  const YamlValue annotations = map.get("annotations");
  rule.for_ms = hold.duration_ms(0);
  rule.keep_firing_for_ms = keep.duration_ms(0);
  rule.labels = merged(group_labels, read_texts(map.get("labels"), true));
  rule.annotations = read_texts(annotations, false);
  if (rule.kind == Rule::Kind::kRecord) {
    for (const YamlValue& field : {hold, keep, annotations}) {
      if (field.present()) field.error("is for alerts, not for a recorded series");
    }
  }
  map.unsupported({"no_data"});
  map.finish();
  return rule;
}

RuleGroup read_group(const YamlValue& value) {
  RuleGroup group;
  group.line = value.line();
  YamlMap map = value.map();
  const YamlValue name = map.required("name");
  group.name = name.string();
  if (name.is_scalar() && group.name.empty()) name.error("must not be empty");
  group.interval_ms = map.duration_ms("interval", 0);
  group.limit = static_cast<size_t>(map.integer("limit", 0));
  const YamlValue offset = map.get("query_offset");
  if (offset.present()) group.query_offset_ms = offset.duration_ms(0);
  const std::vector<RuleText> labels = read_texts(map.get("labels"), true);
  for (const YamlValue& item : map.get("rules").items()) group.rules.push_back(read_rule(item, labels));
  map.finish();
  return group;
}

Result<RuleFile> read(YamlFile yaml) {
  RuleFile file;
  file.file = yaml.name();
  YamlMap top = yaml.root().map();
  std::set<std::string> names;
  for (const YamlValue& item : top.get("groups").items()) {
    file.groups.push_back(read_group(item));
    const std::string& name = file.groups.back().name;
    if (!name.empty() && !names.insert(name).second) {
      yaml.error(item.line(), fmt::format("the group name {} is repeated in the same file", quote_value(name)));
    }
  }
  const YamlValue receivers = top.get("receivers");
  const YamlValue route = top.get("route");
  if (receivers.present() || route.present()) file.delivery_line = (receivers.present() ? receivers : route).line();
  file.delivery = read_delivery(top, folder_of(yaml.name()));
  top.finish();
  if (!yaml.ok()) return fail(yaml.status());
  file.warnings = yaml.warnings();
  return file;
}

}  // namespace

Result<RuleFile> load_rule_file(const std::string& path) { return read(YamlFile::load(path)); }

Result<RuleFile> parse_rule_file(std::string_view text, const std::string& path) {
  return read(YamlFile::parse(text, path));
}

Result<DeliveryConfig> delivery_of(const std::vector<RuleFile>& files) {
  const RuleFile* owner = nullptr;
  for (const RuleFile& file : files) {
    if (!file.delivery.enabled()) continue;
    if (owner != nullptr) {
      return fail(Status::invalid(fmt::format("{}:{}: receivers are configured in {}:{} already; keep them in one file",
                                              file.file, file.delivery_line, owner->file, owner->delivery_line)));
    }
    owner = &file;
  }
  return owner != nullptr ? owner->delivery : DeliveryConfig{};
}

}  // namespace tidemark::config
