// Notifier: takes alerts, owns their delivery. The caller never waits for the network.
//
//   alerts -> route tree -> groups (wait, interval, repeat) -> outbox (durable) -> one sender a webhook
//
// Delivery is at least once and in order for each webhook. A message is in the outbox, synced, before it is first
// tried, and leaves it when the receiver answered 2xx; what was not delivered when the process was killed is tried
// again at the next start. README.md tells what is tried how often, and what is dropped when.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <prometheus/registry.h>

#include "aggregator/storage/state_store.h"
#include "alerting/alert.h"
#include "config/delivery_config.h"
#include "model/clock.h"
#include "model/log.h"
#include "model/status.h"

namespace tidemark::alerting {

struct NotifierOptions {
  std::string external_url;  // `externalURL` of the payload.

  // Bounds. Over the outbox's, the oldest message of that webhook is dropped and counted.
  size_t outbox_messages_max = 1000;     // Of one webhook.
  size_t outbox_bytes_max = 16 << 20;    // Of one webhook.
  size_t message_bytes_max = 512 << 10;  // Alerts beyond it are left out and counted in truncatedAlerts.
  size_t groups_max = 10'000;            // Alerts of further groups are refused and counted.
  size_t webhooks_max = 100;             // Each has a thread.

  // Retries wait twice as long each time, and a random part of it less, so that a fleet does not return at once.
  int64_t retry_first_ms = 500;
  int64_t retry_longest_ms = 60'000;

  // After a restart, how long a firing alert is waited for before it counts as ended.
  int64_t restart_grace_ms = 5 * 60'000;
};

class Notifier {
 public:
  // All must outlive the notifier.
  Notifier(const NotifierOptions& options, storage::StateStore& state, const Clock& clock,
           prometheus::Registry& registry, Logger& logger);
  ~Notifier();  // Stops.
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  // Makes this the way alerts go. The first call reads what an earlier process left; a later one (a reload) keeps
  // groups and messages whose route and webhook are still there. Fails, changing nothing, when there are too many
  // webhooks, a URL is not one, or the state cannot be read.
  // `external_labels` are added to every alert that has no label of that name.
  Status apply(const config::DeliveryConfig& delivery, LabelsView external_labels = {});

  // Starts and joins the threads. stop() cancels what is being sent; it stays in the outbox. Idempotent.
  void start();
  void stop();

  // Tells about alerts, firing and resolved. Thread-safe; waits for no network and no disk.
  void send(const std::vector<Alert>& alerts);

  // For tests without start(): flushes the groups that are due by the clock. The thread does the same.
  void flush_due();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tidemark::alerting
