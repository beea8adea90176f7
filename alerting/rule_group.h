// RuleGroup: rules that are evaluated one after the other at the same time, their samples stored, their series ended
// when they vanish, their alert state written. Private to alerting/.
//
// One evaluation: each rule asks, its samples and the staleness markers of those it no longer yields are committed;
// then alert state goes to the StateStore in one write; then the notifier is told. What a rule stored is there when the
// next rule asks. A failed rule keeps its alerts, ends no series and does not stop those behind it.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "aggregator/storage/appender.h"
#include "aggregator/storage/state_store.h"
#include "alerting/alert.h"
#include "alerting/alert_rule.h"
#include "alerting/rule.h"
#include "alerting/rule_metrics.h"
#include "alerting/rule_state.h"
#include "alerting/snapshot.h"
#include "config/rule_file.h"
#include "model/clock.h"
#include "model/log.h"
#include "model/mutex.h"

namespace tidemark::alerting {

// Told about alerts; must not wait for the network. Notifier::send in the program.
using AlertSink = std::function<void(const std::vector<Alert>&)>;

// Who the groups work with. Outlives them.
struct RuleCollaborators {
  storage::Appender& appender;
  storage::StateStore& state;
  AlertSink sink;
  const Clock& clock;
  Logger& logger;
  RuleMetrics& metrics;
};

struct GroupSettings {
  int64_t interval_ms = 60'000;
  int64_t query_offset_ms = 0;
  int64_t resend_delay_ms = 60'000;
};

// Belongs to one thread at a time, but for view().
class RuleGroup {
 public:
  // `keys`: one for each rule, unique in the program.
  RuleGroup(const RuleCollaborators& with, const RuleEnvironment& environment, const GroupSettings& settings,
            const std::string& file, const config::RuleGroup& config, const std::vector<std::string>& keys);

  // Takes over what the rule of that name had: alerts, series, how the last evaluation went. Both idle.
  void adopt(RuleGroup& predecessor);
  // What an earlier process left, by rule key; what finds its rule is taken out of `stored`.
  void restore(StoredAlerts& stored);

  void evaluate(int64_t now_ms);

  // Ends the series of rules that nobody adopted, and forgets their alerts. For a group that is gone or was replaced.
  void retire(int64_t now_ms);

  // As of the last evaluation. Thread-safe.
  std::shared_ptr<const GroupView> view() const;

  const std::string& id() const { return id_; }  // "FILE;GROUP"
  const GroupSettings& settings() const { return settings_; }
  const GroupMetrics& metrics() const { return metrics_; }

 private:
  struct Entry {
    std::unique_ptr<Rule> rule;
    AlertRule* alert_rule = nullptr;  // The same rule, when it is one.
    RuleState state;
    std::set<Labels> series;  // That the last good evaluation stored.
    RuleHealth health = RuleHealth::kUnknown;
    std::string last_error;
    int64_t last_evaluation_ms = 0;
    double evaluation_seconds = 0;
    bool adopted = false;  // By a successor: nothing of it is ours any more.
  };

  Status evaluate_rule(Entry& entry, const EvaluationTime& when);
  Status store(Entry& entry, const std::vector<RuleSample>& samples, int64_t t_ms);
  void write_state(int64_t now_ms);
  void publish(int64_t now_ms, double seconds);

  const RuleCollaborators& with_;
  const GroupSettings settings_;
  const std::string name_;
  const std::string file_;
  const std::string id_;
  const size_t limit_;
  const GroupMetrics metrics_;
  std::vector<Entry> entries_;
  int64_t last_evaluation_ms_ = 0;
  double evaluation_seconds_ = 0;
  bool state_write_failed_ = false;

  mutable Mutex view_mu_;
  std::shared_ptr<const GroupView> view_ TM_GUARDED_BY(view_mu_);
};

}  // namespace tidemark::alerting
