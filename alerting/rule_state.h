// Alert state in the StateStore, so that `for` clocks and firing alerts outlive the process, kill -9 included.
// Private to alerting/.
//
//   "alerting/alert/" RULE KEY 0x00 LABELS    one alert: byte 1 (the version), then varints: state; active, fired,
//                                             resolved and keep-firing time in ms; number of annotations; then name and
//                                             text of each, varint(bytes) in front
//   "alerting/evaluated"                      when a pending alert was last looked at: a varint, ms
//
// RULE KEY is Rule::key() and LABELS the encoding of model/labels.h. A value that does not read is dropped: its alert
// begins anew. An alert is written when its state changes, not whenever its text does. The second key tells how long no
// process looked: that time does not count for `for`.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "aggregator/storage/state_store.h"
#include "alerting/alert_rule.h"
#include "model/labels.h"
#include "model/status.h"

namespace tidemark::alerting {

struct StoredAlerts {
  std::map<std::string, AlertRule::Alerts> by_rule;  // Under the rule's key.
  std::vector<std::string> unreadable;               // Keys to delete.
};

// What an earlier process left. The clocks of pending alerts are set forward by the time without a process.
Result<StoredAlerts> load_alerts(storage::StateStore& store, int64_t now_ms);

// One rule's side: knows what the store holds of it.
class RuleState {
 public:
  explicit RuleState(std::string rule_key) : rule_key_(std::move(rule_key)) {}

  // The alerts come from the store: they are there.
  void loaded(const AlertRule::Alerts& alerts);

  // Appends the changes that bring the store to `alerts`. After they were written, call written().
  void append_changes(const AlertRule::Alerts& alerts, std::vector<storage::StateChange>& changes) const;
  void written(const AlertRule::Alerts& alerts) { loaded(alerts); }

 private:
  std::string rule_key_;
  std::map<Labels, std::string> stored_;  // The part that a change of state changes.
};

storage::StateChange evaluated_change(int64_t now_ms);

}  // namespace tidemark::alerting
