// RuleFile: what alerts.yaml says. A Prometheus rule file, read unmodified, plus two things of ours in the same file:
// thresholds, a shorthand for the common alert, and who is told (receivers and route, in Alertmanager's words).
//
//   groups:
//     - name: host
//       rules:
//         - alert: HighLoad
//           metric: node_load1{job="node"}   # a selector instead of expr
//           above: 4                         # or below:
//           recover_below: 3                 # optional; with below: recover_above
//           for: 5m
//   receivers:
//     - name: ops
//       webhook_configs: [{url: "http://127.0.0.1:8080/hook"}]
//
// `above: 4` is the expression `METRIC > 4`. With `recover_below: 3` an alert that fires stays up until the value is
// below 3; while it is pending, the first bound decides, so `for` keeps its meaning.
//
// Reading checks structure, names and numbers. Whether expressions parse is alerting/rule_check.h's to say, since
// config knows no query language.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/delivery_config.h"
#include "model/labels.h"
#include "model/status.h"

namespace tidemark::config {

// A label or annotation whose value may hold a template.
struct RuleText {
  std::string name;
  std::string value;
  int line = 0;
};

struct Threshold {
  std::string metric;  // A selector.
  bool above = true;   // Fires above the bound, or below it.
  double bound = 0;
  std::optional<double> recover;  // Never on the far side of the bound.
};

struct Rule {
  enum class Kind { kAlert, kRecord };

  Kind kind = Kind::kAlert;
  std::string name;
  std::string expr;  // Of a threshold: what it was compiled into.
  std::optional<Threshold> threshold;
  int64_t for_ms = 0;
  int64_t keep_firing_for_ms = 0;
  std::vector<RuleText> labels;       // Sorted by name; the group's labels are merged in, the rule's win.
  std::vector<RuleText> annotations;  // Sorted by name.
  int line = 0;                       // Of the rule.
  int expr_line = 0;                  // Of expr or metric.
};

struct RuleGroup {
  std::string name;
  int64_t interval_ms = 0;                 // 0: global.evaluation_interval.
  size_t limit = 0;                        // Alerts or series a rule may produce; 0: no limit.
  std::optional<int64_t> query_offset_ms;  // Absent: global.rule_query_offset.
  std::vector<Rule> rules;
  int line = 0;
};

struct RuleFile {
  std::string file;
  std::vector<RuleGroup> groups;
  DeliveryConfig delivery;
  int delivery_line = 0;              // Of receivers or route; 0 without.
  std::vector<std::string> warnings;  // "FILE:LINE: ..."
};

// kInvalid with one line an error, each FILE:LINE: ..., or kNotFound or kIo.
Result<RuleFile> load_rule_file(const std::string& path);
// The same for a text that goes by the name `path`.
Result<RuleFile> parse_rule_file(std::string_view text, const std::string& path);

// The one delivery configuration among several rule files; two files that have one are an error naming both.
Result<DeliveryConfig> delivery_of(const std::vector<RuleFile>& files);

}  // namespace tidemark::config
