#include "alerting/rule_metrics.h"

namespace tidemark::alerting {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;

auto& counter(prometheus::Registry& registry, const char* name, const char* help) {
  return BuildCounter().Name(name).Help(help).Register(registry);
}

auto& gauge(prometheus::Registry& registry, const char* name, const char* help) {
  return BuildGauge().Name(name).Help(help).Register(registry);
}

}  // namespace

RuleMetrics::RuleMetrics(prometheus::Registry& registry)
    : state_write_failures(counter(registry, "tidemark_rule_state_write_failures_total",
                                   "Times that alert state could not be written; it is tried again.")
                               .Add({})),
      last_load_seconds(
          gauge(registry, "tidemark_rule_last_load_timestamp_seconds", "When the rules in force were put into force.")
              .Add({})),
      evaluations_(counter(registry, "tidemark_rule_evaluations_total", "Rule evaluations.")),
      failures_(counter(registry, "tidemark_rule_evaluation_failures_total", "Rule evaluations that failed.")),
      iterations_(counter(registry, "tidemark_rule_group_iterations_total",
                          "Evaluations of a group that were due, missed ones included.")),
      missed_(counter(registry, "tidemark_rule_group_iterations_missed_total",
                      "Evaluations of a group left out because an earlier one took too long.")),
      refused_samples_(
          counter(registry, "tidemark_rule_samples_refused_total", "Samples of rules that the store did not take.")),
      duration_seconds_(gauge(registry, "tidemark_rule_group_last_duration_seconds",
                              "How long the last evaluation of a group took.")),
      last_evaluation_seconds_(
          gauge(registry, "tidemark_rule_group_last_evaluation_timestamp_seconds", "When a group was last evaluated.")),
      rules_(gauge(registry, "tidemark_rule_group_rules", "Rules of a group.")),
      alerts_(gauge(registry, "tidemark_alerting_alerts", "Alerts that are pending or firing.")) {}

GroupMetrics RuleMetrics::of(const std::string& rule_group) {
  const MutexLock lock(mu_);
  const auto [at, is_new] = groups_.try_emplace(rule_group);
  if (is_new) {
    const prometheus::Labels labels{{"rule_group", rule_group}};
    at->second = {&evaluations_.Add(labels),
                  &failures_.Add(labels),
                  &iterations_.Add(labels),
                  &missed_.Add(labels),
                  &refused_samples_.Add(labels),
                  &duration_seconds_.Add(labels),
                  &last_evaluation_seconds_.Add(labels),
                  &rules_.Add(labels),
                  &alerts_.Add({{"rule_group", rule_group}, {"state", "pending"}}),
                  &alerts_.Add({{"rule_group", rule_group}, {"state", "firing"}})};
  }
  return at->second;
}

void RuleMetrics::retain(const std::set<std::string>& rule_groups) {
  const MutexLock lock(mu_);
  for (auto at = groups_.begin(); at != groups_.end();) {
    if (rule_groups.contains(at->first)) {
      ++at;
      continue;
    }
    const GroupMetrics& group = at->second;
    evaluations_.Remove(group.evaluations);
    failures_.Remove(group.failures);
    iterations_.Remove(group.iterations);
    missed_.Remove(group.missed);
    refused_samples_.Remove(group.refused_samples);
    duration_seconds_.Remove(group.duration_seconds);
    last_evaluation_seconds_.Remove(group.last_evaluation_seconds);
    rules_.Remove(group.rules);
    alerts_.Remove(group.pending);
    alerts_.Remove(group.firing);
    at = groups_.erase(at);
  }
}

}  // namespace tidemark::alerting
