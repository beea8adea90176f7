#include "alerting/dispatcher.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "alerting/route_match.h"
#include "alerting/webhook_payload.h"

namespace tidemark::alerting {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;

std::string identity(const std::string& receiver, const std::string& key) { return receiver + "\n" + key; }

// Hashed, for the identity may be long: its labels are the user's.
std::string state_key(const std::string& group_identity) {
  return fmt::format("{}{:016x}", kGroupPrefix, Labels{{"group", group_identity}}.hash());
}

const config::Receiver* find_receiver(const config::DeliveryConfig& delivery, const std::string& name) {
  const auto found = std::find_if(delivery.receivers.begin(), delivery.receivers.end(),
                                  [&](const config::Receiver& receiver) { return receiver.name == name; });
  return found == delivery.receivers.end() ? nullptr : &*found;
}

}  // namespace

void Dispatcher::restore(AlertGroup group) {
  std::string name = identity(group.receiver, group.key);
  groups_.emplace(std::move(name), std::move(group));
}

void Dispatcher::set_delivery(std::shared_ptr<const config::DeliveryConfig> delivery, int64_t now_ms, int64_t now_ns,
                              std::vector<storage::StateChange>& changes) {
  std::map<std::string, AlertGroup> before = std::exchange(groups_, {});
  delivery_ = std::move(delivery);
  std::vector<Alert> alerts;
  for (const auto& [name, group] : before) {
    for (const auto& [labels, alert] : group.alerts) alerts.push_back(alert);
  }
  if (delivery_->enabled()) {
    for (const Alert& alert : alerts) {
      for (const RouteMatch& match : match_routes(delivery_->route, alert.labels)) {
        insert_into(*match.route, match.key, alert, now_ms, now_ns, &before);
      }
    }
  }
  for (const auto& [name, group] : before) {
    if (!groups_.contains(name)) changes.push_back({state_key(name), std::nullopt});
  }
}

bool Dispatcher::insert(const Alert& alert, int64_t now_ms, int64_t now_ns) {
  if (!delivery_ || !delivery_->enabled()) return true;
  bool taken = true;
  for (const RouteMatch& match : match_routes(delivery_->route, alert.labels)) {
    taken &= insert_into(*match.route, match.key, alert, now_ms, now_ns, nullptr);
  }
  return taken;
}

bool Dispatcher::insert_into(const config::Route& route, const std::string& route_key, const Alert& alert,
                             int64_t now_ms, int64_t now_ns, std::map<std::string, AlertGroup>* known) {
  Labels labels = group_labels(route, alert.labels);
  std::string key = route_key + ":" + labels.to_string();
  std::string name = identity(route.receiver, key);
  auto at = groups_.find(name);
  if (at == groups_.end()) {
    // An alert that is over and that nobody was told about needs no group.
    const bool was_known = known != nullptr && known->contains(name);
    if (alert.resolved(now_ms) && !was_known) return true;
    if (groups_.size() >= options_.groups_max) return false;
    AlertGroup group;
    group.key = std::move(key);
    group.receiver = route.receiver;
    group.due_ns = now_ns + route.group_wait_ms * kNsPerMs;
    if (was_known) {
      AlertGroup& old = known->at(name);
      group.told = std::move(old.told);
      // A group of an earlier process has no due time; it was told before, so it waits no longer than a change would.
      if (old.due_ns != 0) group.due_ns = std::min(old.due_ns, now_ns + route.group_interval_ms * kNsPerMs);
    }
    at = groups_.emplace(std::move(name), std::move(group)).first;
  }
  at->second.labels = std::move(labels);
  at->second.route = &route;
  at->second.alerts[alert.labels] = alert;
  return true;
}

int64_t Dispatcher::next_due_ns() const {
  int64_t next = std::numeric_limits<int64_t>::max();
  for (const auto& [name, group] : groups_) next = std::min(next, group.due_ns);
  return next;
}

FlushResult Dispatcher::flush_due(int64_t now_ms, int64_t now_ns) {
  FlushResult result;
  for (auto at = groups_.begin(); at != groups_.end();) {
    AlertGroup& group = at->second;
    if (group.due_ns > now_ns) {
      ++at;
      continue;
    }
    flush(group, now_ms, result);
    group.due_ns = now_ns + group.route->group_interval_ms * kNsPerMs;
    if (group.alerts.empty()) {
      result.changes.push_back({state_key(at->first), std::nullopt});
      at = groups_.erase(at);
    } else {
      result.changes.push_back({state_key(at->first), encode_group(group, options_.message_bytes_max)});
      ++at;
    }
  }
  return result;
}

void Dispatcher::flush(AlertGroup& group, int64_t now_ms, FlushResult& result) {
  const config::Receiver* receiver = find_receiver(*delivery_, group.route->receiver);
  if (receiver != nullptr) {
    for (size_t i = 0; i < receiver->webhooks.size(); ++i) {
      const config::WebhookConfig& webhook = receiver->webhooks[i];
      const auto message = take_message(group, i, webhook.send_resolved, group.route->repeat_interval_ms, now_ms);
      if (message.empty()) continue;
      const PayloadContext context{receiver->name,        group.key,          group.labels,
                                   options_.external_url, webhook.max_alerts, options_.message_bytes_max};
      result.messages.push_back({receiver->name, i, webhook_payload(context, message, now_ms)});
    }
  }
  std::erase_if(group.alerts, [&](const auto& pair) { return pair.second.resolved(now_ms); });
}

}  // namespace tidemark::alerting
