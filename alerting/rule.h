// Rule: one line of a group, as the group sees it: something that is evaluated at a time and yields samples.
// Private to alerting/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "alerting/query.h"
#include "alerting/snapshot.h"
#include "config/rule_file.h"
#include "model/labels.h"
#include "model/native_histogram.h"
#include "model/status.h"

namespace tidemark::alerting {

// What a rule needs to know of its surroundings. Outlives the rules.
struct RuleEnvironment {
  QueryFunction query;
  Labels external_labels;
  std::string external_url;
};

// When, and how much at most.
struct EvaluationTime {
  int64_t now_ms = 0;           // The slot of the group's interval: clocks of alerts run on it.
  int64_t query_offset_ms = 0;  // Queries and samples lie this far before it.
  size_t limit = 0;             // 0: none.

  int64_t sample_ms() const { return now_ms - query_offset_ms; }
};

struct RuleSample {
  Labels labels;
  double value = 0;                  // 0 for a histogram: an alert on one has no other.
  HistogramRef histogram = nullptr;  // When set, what a recording rule stores instead.
};

// Belongs to one group, hence to one thread at a time.
class Rule {
 public:
  virtual ~Rule() = default;

  // The samples to be stored. On a failure the rule is as it was before: an alert neither resolves nor advances.
  virtual Result<std::vector<RuleSample>> evaluate(const EvaluationTime& when) = 0;

  // Name, query, labels and alerts; the group fills in how the last evaluation went.
  virtual RuleView view() const = 0;

  // What tells this rule from the others when a process or a configuration succeeds another.
  virtual const std::string& key() const = 0;
};

// "GROUP/NAME/KIND-HASH", the hash being of the labels: neither the file nor the expression, which may change without
// the alerts being forgotten. The caller tells apart rules that agree in all of it.
std::string rule_key(const std::string& group, const config::Rule& rule);

// The answer of a rule's query, checked to be a vector or a scalar.
Result<std::vector<RuleSample>> query_samples(const RuleEnvironment& environment, const std::string& expression,
                                              int64_t t_ms);

// The text of an expression as Prometheus shows it: one line, canonical spelling.
std::string shown_query(const std::string& expression);

// Cannot fail: check_rules() has seen the file.
std::unique_ptr<Rule> make_rule(const RuleEnvironment& environment, std::string key, const config::Rule& rule);

}  // namespace tidemark::alerting
