// AlertRule: the states an alert goes through, one evaluation after the other. Private to alerting/.
//
//   inactive --in the answer--> pending --for `for`--> firing --gone, and for keep_firing_for--> resolved
//                                  \--gone--> forgotten
//
// An alert is its labels: those of the series without the name, then the rule's, then alertname. One evaluation works
// on a copy and takes it over only when all went well, so that a failed query, a limit or two series that became one
// neither resolve an alert nor set back its clock. Resolved alerts are kept for 15 minutes and told about again, in
// case the first message got lost. A threshold with a bound to recover at holds what fires until that bound is crossed.
//
// The restart of a process goes through active() and restore(): see rule_state.h.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "alerting/alert.h"
#include "alerting/rule.h"
#include "alerting/template.h"

namespace tidemark::alerting {

inline constexpr std::string_view kAlertNameLabel = "alertname";
inline constexpr int64_t kResolvedRetentionMs = 15 * 60'000;

// Times are milliseconds since the epoch; 0 is never.
struct ActiveAlert {
  AlertState state = AlertState::kPending;  // kInactive: resolved, and kept for a while.
  Annotations annotations;
  double value = 0;
  int64_t active_at_ms = 0;
  int64_t fired_at_ms = 0;
  int64_t resolved_at_ms = 0;
  int64_t keep_firing_since_ms = 0;  // Since when only keep_firing_for holds it.
  int64_t last_sent_ms = 0;
};

class AlertRule final : public Rule {
 public:
  using Alerts = std::map<Labels, ActiveAlert>;

  AlertRule(const RuleEnvironment& environment, std::string key, const config::Rule& rule);

  Result<std::vector<RuleSample>> evaluate(const EvaluationTime& when) override;
  RuleView view() const override;
  const std::string& key() const override { return key_; }

  const Alerts& active() const { return active_; }
  // Replaces what is active: by what a predecessor left, in another process or under an older configuration.
  void restore(Alerts alerts) { active_ = std::move(alerts); }
  // The series that active alerts have in the store.
  std::vector<RuleSample> samples() const;

  // Appends the alerts that the notifier should hear of now: new, resolved, or last told `resend_delay_ms` ago. A
  // firing alert is valid for four times the longer of that and the interval: then the notifier takes it for resolved.
  void take_due(int64_t now_ms, int64_t resend_delay_ms, int64_t interval_ms, std::vector<Alert>& out);

 private:
  struct NamedTemplate {
    std::string name;
    Template text;
  };
  struct Found {
    ActiveAlert alert;
    bool triggers = true;  // False: only good enough to keep a firing alert up.
  };
  using FoundAlerts = std::map<Labels, Found>;

  std::vector<NamedTemplate> parse(const std::vector<config::RuleText>& texts) const;
  Result<FoundAlerts> found(const std::vector<RuleSample>& samples, int64_t now_ms) const;
  bool triggers(double value) const;
  void advance(Alerts& alerts, FoundAlerts found, int64_t now_ms) const;
  bool keeps_firing(ActiveAlert& alert, int64_t now_ms) const;

  const RuleEnvironment& environment_;
  const config::Rule rule_;
  const std::string key_;
  const std::string expression_;  // What is asked: with a bound to recover at, the wider condition.
  const std::string query_;       // As shown.
  const std::vector<NamedTemplate> labels_;
  const std::vector<NamedTemplate> annotations_;
  Alerts active_;
};

}  // namespace tidemark::alerting
