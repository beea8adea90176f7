#include "alerting/snapshot.h"

#include <charconv>
#include <cmath>

namespace tidemark::alerting {

std::string_view alert_state_name(AlertState state) {
  switch (state) {
    case AlertState::kInactive:
      return "inactive";
    case AlertState::kPending:
      return "pending";
    case AlertState::kFiring:
      return "firing";
  }
  return "";
}

std::string_view rule_health_name(RuleHealth health) {
  switch (health) {
    case RuleHealth::kUnknown:
      return "unknown";
    case RuleHealth::kOk:
      return "ok";
    case RuleHealth::kErr:
      return "err";
  }
  return "";
}

std::string_view rule_kind_name(RuleKind kind) { return kind == RuleKind::kAlerting ? "alerting" : "recording"; }

void append_float_exponent(std::string& out, double v) {
  if (std::isnan(v)) {
    out += "NaN";
  } else if (std::isinf(v)) {
    out += v > 0 ? "+Inf" : "-Inf";
  } else {
    char text[32];
    out.append(text, std::to_chars(text, text + sizeof text, v, std::chars_format::scientific).ptr);
  }
}

}  // namespace tidemark::alerting
