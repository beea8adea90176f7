#include "alerting/recording_rule.h"

#include <fmt/format.h>

#include <unordered_set>

namespace tidemark::alerting {

RecordingRule::RecordingRule(const RuleEnvironment& environment, std::string key, const config::Rule& rule)
    : environment_(environment), rule_(rule), key_(std::move(key)), query_(shown_query(rule.expr)) {}

Result<std::vector<RuleSample>> RecordingRule::evaluate(const EvaluationTime& when) {
  auto samples = query_samples(environment_, rule_.expr, when.sample_ms());
  if (!samples) return samples;
  LabelsBuilder builder;
  std::unordered_set<Labels> seen;
  for (RuleSample& sample : *samples) {
    builder.reset(sample.labels);
    builder.set(kMetricName, rule_.name);
    for (const config::RuleText& label : rule_.labels) builder.set(label.name, label.value);
    sample.labels = builder.build();
    if (!seen.insert(sample.labels).second) {
      return fail(Status::execution("vector contains metrics with the same labelset after applying rule labels"));
    }
  }
  if (when.limit > 0 && samples->size() > when.limit) {
    return fail(Status::limit(fmt::format("exceeded limit of {} with {} series", when.limit, samples->size())));
  }
  return samples;
}

RuleView RecordingRule::view() const {
  RuleView view;
  view.kind = RuleKind::kRecording;
  view.name = rule_.name;
  view.query = query_;
  std::vector<LabelView> pairs;
  for (const config::RuleText& label : rule_.labels) pairs.push_back({label.name, label.value});
  view.labels = Labels::from_pairs(std::move(pairs));
  return view;
}

}  // namespace tidemark::alerting
