// What rules and alerts look like to somebody who shows them: the values behind /api/v1/rules and /api/v1/alerts.
// Everything is a copy: a view never changes after it was published, and may outlive the rule it was taken from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/labels.h"

namespace tidemark::alerting {

enum class AlertState { kInactive, kPending, kFiring };
std::string_view alert_state_name(AlertState state);  // "inactive" "pending" "firing"

enum class RuleHealth { kUnknown, kOk, kErr };
std::string_view rule_health_name(RuleHealth health);  // "unknown" "ok" "err"

enum class RuleKind { kAlerting, kRecording };
std::string_view rule_kind_name(RuleKind kind);  // "alerting" "recording": the `type` in the API.

// Sorted by name; unlike labels, an annotation may be empty.
using Annotations = std::vector<std::pair<std::string, std::string>>;

// An alert that is pending or firing. One that has resolved is no longer shown.
struct AlertView {
  Labels labels;  // With `alertname`.
  Annotations annotations;
  AlertState state = AlertState::kPending;
  int64_t active_at_ms = 0;  // `activeAt`.
  // `keepFiringSince`: set while only keep_firing_for holds the alert up.
  std::optional<int64_t> keep_firing_since_ms;
  double value = 0;  // The API writes Go's FormatFloat(v, 'e', -1, 64): append_float_exponent().
};

struct RuleView {
  RuleKind kind = RuleKind::kAlerting;
  std::string name;   // `name`: the alert's, or the recorded series'.
  std::string query;  // PromQL; a threshold rule shows what it was compiled into.
  Labels labels;      // As configured, templates not expanded, the group's labels merged in.
  RuleHealth health = RuleHealth::kUnknown;
  std::string last_error;          // Empty when the last evaluation went well: leave `lastError` out.
  int64_t last_evaluation_ms = 0;  // 0: never; the API shows year 1 ("0001-01-01T00:00:00Z").
  double evaluation_seconds = 0;

  // Alerting rules only.
  AlertState state = AlertState::kInactive;  // The worst of its alerts.
  int64_t for_ms = 0;                        // `duration`, in seconds there.
  int64_t keep_firing_for_ms = 0;            // `keepFiringFor`, in seconds there.
  Annotations annotations;                   // As configured.
  std::vector<AlertView> alerts;             // Sorted by labels.
};

struct GroupView {
  std::string name;
  std::string file;
  int64_t interval_ms = 0;
  int64_t query_offset_ms = 0;
  size_t limit = 0;  // 0: none.
  int64_t last_evaluation_ms = 0;
  double evaluation_seconds = 0;
  std::vector<RuleView> rules;  // In the file's order.
};

// Where the API gets them. A test fakes it in three lines.
class RuleSource {
 public:
  virtual ~RuleSource() = default;
  // Sorted by file, then name. Never null inside. Thread-safe, and never waits for an evaluation.
  virtual std::vector<std::shared_ptr<const GroupView>> groups() const = 0;
};

// Shortest text in exponent form, as the alerts API prints a value: "1e+00", "4.25e-01", "+Inf".
void append_float_exponent(std::string& out, double v);

}  // namespace tidemark::alerting
