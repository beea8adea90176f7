#include "alerting/rule.h"

#include <fmt/format.h>

#include "aggregator/promql/parser.h"
#include "aggregator/promql/printer.h"
#include "alerting/alert_rule.h"
#include "alerting/recording_rule.h"

namespace tidemark::alerting {

std::string rule_key(const std::string& group, const config::Rule& rule) {
  std::vector<LabelView> pairs;
  for (const config::RuleText& label : rule.labels) pairs.push_back({label.name, label.value});
  const uint64_t hash = Labels::from_pairs(std::move(pairs)).hash();
  const char* kind = rule.kind == config::Rule::Kind::kAlert ? "alert" : "record";
  return fmt::format("{}/{}/{}-{:016x}", group, rule.name, kind, hash);
}

Result<std::vector<RuleSample>> query_samples(const RuleEnvironment& environment, const std::string& expression,
                                              int64_t t_ms) {
  auto answer = environment.query(expression, t_ms);
  if (!answer) return fail(answer.error());
  if (answer->type != promql::ResultType::kVector && answer->type != promql::ResultType::kScalar) {
    return fail(Status::execution("rule result is not a vector or scalar"));
  }
  std::vector<RuleSample> samples;
  samples.reserve(answer->series.size());
  for (promql::ResultSeries& series : answer->series) {
    if (!series.samples.empty()) {
      samples.push_back({std::move(series.labels), series.samples.front().v});
    } else if (!series.histograms.empty()) {
      samples.push_back({std::move(series.labels), 0, std::move(series.histograms.front().histogram)});
    }
  }
  return samples;
}

std::string shown_query(const std::string& expression) {
  // Whatever the engine may have been told to allow.
  static constexpr promql::ParserOptions kEverything{true, true, true};
  const auto parsed = promql::parse_expression(expression, kEverything);
  return parsed ? promql::to_string(**parsed) : expression;
}

std::unique_ptr<Rule> make_rule(const RuleEnvironment& environment, std::string key, const config::Rule& rule) {
  if (rule.kind == config::Rule::Kind::kAlert) return std::make_unique<AlertRule>(environment, std::move(key), rule);
  return std::make_unique<RecordingRule>(environment, std::move(key), rule);
}

}  // namespace tidemark::alerting
