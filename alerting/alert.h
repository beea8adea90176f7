// Alert: what rule evaluation tells the notifier about one alert, again and again while it lasts.
#pragma once

#include <cstdint>
#include <string>

#include "alerting/snapshot.h"
#include "model/labels.h"

namespace tidemark::alerting {

struct Alert {
  Labels labels;  // Its identity.
  Annotations annotations;
  int64_t starts_at_ms = 0;
  // Of a resolved alert: when it ended. Of a firing one: when it counts as ended unless heard of again, so that an
  // alert whose rule has gone does not fire for ever. In the future, therefore, means firing.
  int64_t ends_at_ms = 0;
  std::string generator_url;  // Where its expression can be looked at.

  bool resolved(int64_t now_ms) const { return ends_at_ms <= now_ms; }
};

}  // namespace tidemark::alerting
