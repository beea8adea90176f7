// AlertGroup: the alerts that are told about in one message, and what has been told already.
//
// When a group is due, each webhook of its receiver gets a message if a firing alert is new to it, if all have
// resolved, if another one has resolved (and the webhook wants to know), or if it has not heard for the repeat
// interval.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "alerting/alert.h"
#include "config/delivery_config.h"
#include "model/labels.h"

namespace tidemark::alerting {

struct AlertGroup {
  // What a webhook of the receiver was last told, by hashes of labels.
  struct Told {
    int64_t at_ms = 0;
    std::set<uint64_t> firing;
    std::set<uint64_t> resolved;
  };

  std::string key;       // ROUTE:{group labels}: `groupKey` of the payload.
  std::string receiver;  // With the key it names the group across restarts: two routes may differ in it only.
  Labels labels;
  const config::Route* route = nullptr;
  std::map<Labels, Alert> alerts;
  std::map<size_t, Told> told;  // By the webhook's index in its receiver.
  int64_t due_ns = 0;           // Monotonic time of the next flush.
};

// The alerts that a webhook is to be told about now; empty when there is nothing to say. Notes in `group.told` that it
// was said.
std::vector<const Alert*> take_message(AlertGroup& group, size_t webhook, bool send_resolved,
                                       int64_t repeat_interval_ms, int64_t now_ms);

// What of a group must survive a restart: its names, alerts and what was told. Alerts that do not fit in `bytes_max`
// are left out: whoever evaluates their rule tells about them again.
std::string encode_group(const AlertGroup& group, size_t bytes_max);
// Without labels and route, which the alerts give when they are routed again. Nothing when the bytes are damaged.
std::optional<AlertGroup> decode_group(std::string_view bytes);

}  // namespace tidemark::alerting
