// Who hears of an alert: receivers and the route tree, in Alertmanager's words. Plain values, checked, defaults filled
// in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "config/scrape_config.h"
#include "config/secret.h"
#include "model/matcher.h"

namespace tidemark::config {

struct WebhookConfig {
  Secret url;  // http or https. Secret: many services put their token into the path.
  bool send_resolved = true;
  size_t max_alerts = 0;        // Of one message; the rest is counted in truncatedAlerts. 0: no limit.
  int64_t timeout_ms = 10'000;  // Of one attempt, everything included.
  HttpClientConfig http;
};

struct Receiver {
  std::string name;
  std::vector<WebhookConfig> webhooks;  // None: alerts routed here are dropped on purpose.
  int line = 0;
};

// A node of the tree. What it does not set it has from its parent, already filled in here.
struct Route {
  std::string receiver;
  std::vector<Matcher> matchers;               // All must match; none: everything.
  bool continue_matching = false;              // `continue`: later siblings are tried although this one matched.
  std::vector<std::string> group_by;           // Sorted label names.
  bool group_by_all = false;                   // '...'
  int64_t group_wait_ms = 30'000;              // Before the first message of a new group.
  int64_t group_interval_ms = 5 * 60'000;      // Before a message about changes in a group.
  int64_t repeat_interval_ms = 4 * 3'600'000;  // Before the same message again.
  std::vector<Route> routes;
  int line = 0;
};

struct DeliveryConfig {
  std::vector<Receiver> receivers;  // Empty: alerts show in the API and nowhere else.
  Route route;                      // Meaningless without receivers.

  bool enabled() const { return !receivers.empty(); }
};

}  // namespace tidemark::config
