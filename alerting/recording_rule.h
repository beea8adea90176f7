// RecordingRule: stores the answer of a query under a name of its own. Private to alerting/.
#pragma once

#include <string>
#include <vector>

#include "alerting/rule.h"

namespace tidemark::alerting {

class RecordingRule final : public Rule {
 public:
  RecordingRule(const RuleEnvironment& environment, std::string key, const config::Rule& rule);

  Result<std::vector<RuleSample>> evaluate(const EvaluationTime& when) override;
  RuleView view() const override;
  const std::string& key() const override { return key_; }

 private:
  const RuleEnvironment& environment_;
  const config::Rule rule_;
  const std::string key_;
  const std::string query_;  // As shown.
};

}  // namespace tidemark::alerting
