#include "alerting/notifier.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <thread>

#include "alerting/dispatcher.h"
#include "alerting/notify_metrics.h"
#include "alerting/outbox.h"
#include "alerting/webhook_sender.h"
#include "model/mutex.h"

namespace tidemark::alerting {
namespace {

// One webhook of a receiver: what waits for it, and who delivers it.
struct Destination {
  std::string receiver;
  std::unique_ptr<Outbox> outbox;
  std::unique_ptr<WebhookSender> sender;
};

using DestinationKey = std::pair<std::string, size_t>;  // Receiver and index.

Labels with_external(const Labels& labels, const Labels& external_labels) {
  LabelsBuilder builder(labels);
  for (const LabelView& label : external_labels) {
    if (!labels.has(label.name)) builder.set(label.name, label.value);
  }
  return builder.build();
}

std::string outbox_name(const DestinationKey& key) { return fmt::format("{}/{}", key.first, key.second); }

}  // namespace

struct Notifier::State {
  State(const NotifierOptions& o, storage::StateStore& s, const Clock& c, prometheus::Registry& r, Logger& l)
      : options(o),
        store(s),
        clock(c),
        logger(l),
        metrics(r),
        dispatcher({o.external_url, o.message_bytes_max, o.groups_max}) {}

  Status restore();
  Result<std::map<DestinationKey, Destination>> make_destinations(const config::DeliveryConfig& delivery);
  void drop_orphans(std::vector<storage::StateChange>& changes);
  void write(const std::vector<storage::StateChange>& changes);
  void flush_due();
  void run();

  const NotifierOptions options;
  storage::StateStore& store;
  const Clock& clock;
  Logger& logger;
  NotifyMetrics metrics;

  // Held while a flush or a reload is under way, so that messages reach the outboxes in order. Taken before mu; held
  // across writes of state, which only flushes and reloads wait for.
  Mutex flush_mu;
  std::map<DestinationKey, Destination> destinations TM_GUARDED_BY(flush_mu);
  bool started TM_GUARDED_BY(flush_mu) = false;
  bool restored TM_GUARDED_BY(flush_mu) = false;

  Mutex mu;  // Never held across I/O: send() takes it.
  CondVar changed;
  Dispatcher dispatcher TM_GUARDED_BY(mu);
  Labels external_labels TM_GUARDED_BY(mu);
  bool stopping TM_GUARDED_BY(mu) = false;
  std::thread thread;
};

Notifier::Notifier(const NotifierOptions& options, storage::StateStore& state, const Clock& clock,
                   prometheus::Registry& registry, Logger& logger)
    : state_(std::make_unique<State>(options, state, clock, registry, logger)) {}

Notifier::~Notifier() { stop(); }

Status Notifier::State::restore() {
  auto left = store.scan_state(kGroupPrefix);
  if (!left) return left.error().at("alert groups");
  const int64_t until_ms = clock.now_ms() + options.restart_grace_ms;
  const MutexLock lock(mu);
  for (const auto& [key, bytes] : *left) {
    auto group = decode_group(bytes);
    if (!group) {
      logger.warn("the state of a group of alerts does not read and is dropped; it may be notified again");
      continue;
    }
    for (auto& [labels, alert] : group->alerts) alert.ends_at_ms = std::max(alert.ends_at_ms, until_ms);
    dispatcher.restore(std::move(*group));
  }
  return {};
}

Result<std::map<DestinationKey, Destination>> Notifier::State::make_destinations(
    const config::DeliveryConfig& delivery) {
  std::map<DestinationKey, Destination> made;
  for (const config::Receiver& receiver : delivery.receivers) {
    for (size_t i = 0; i < receiver.webhooks.size(); ++i) {
      const DestinationKey key{receiver.name, i};
      if (made.size() == options.webhooks_max) {
        return fail(Status::limit(fmt::format("more than {} webhooks", options.webhooks_max)));
      }
      Destination destination{receiver.name, nullptr, nullptr};
      destination.outbox =
          std::make_unique<Outbox>(outbox_name(key), options.outbox_messages_max, options.outbox_bytes_max, store);
      auto sender =
          WebhookSender::make(receiver.name, receiver.webhooks[i], {options.retry_first_ms, options.retry_longest_ms},
                              *destination.outbox, metrics, clock, logger);
      if (!sender) return fail(sender.error());
      destination.sender = std::move(*sender);
      made.emplace(key, std::move(destination));
    }
  }
  return made;
}

// What waits for webhooks that are no longer configured will never be delivered.
void Notifier::State::drop_orphans(std::vector<storage::StateChange>& changes) {
  auto left = store.scan_state(kOutboxPrefix);
  if (!left) return;
  const MutexLock lock(flush_mu);
  std::map<std::string, size_t> kept;
  for (const auto& [key, destination] : destinations) {
    std::vector<storage::StateChange> mine;
    destination.outbox->append_deletions(mine);
    for (const storage::StateChange& change : mine) kept.emplace(change.key, 0);
  }
  size_t orphans = 0;
  for (const auto& [key, value] : *left) {
    if (kept.contains(key)) continue;
    changes.push_back({key, std::nullopt});
    ++orphans;
  }
  if (orphans > 0) {
    logger.warn("undelivered notifications dropped: their webhooks are no longer configured",
                {{"count", static_cast<uint64_t>(orphans)}});
  }
}

Status Notifier::apply(const config::DeliveryConfig& delivery, LabelsView external_labels) {
  State& s = *state_;
  auto shared = std::make_shared<const config::DeliveryConfig>(delivery);
  auto made = s.make_destinations(*shared);
  if (!made) return made.error();
  std::vector<storage::StateChange> changes;
  {
    const MutexLock flushing(s.flush_mu);
    if (!s.restored) {
      if (Status status = s.restore(); !status.ok()) return status;
      s.restored = true;
    }
    // The old senders stop first: their messages are read again by the new ones.
    for (auto& [key, destination] : s.destinations) destination.sender->stop();
    for (auto& [key, destination] : *made) {
      if (Status status = destination.outbox->load(); !status.ok()) {
        s.logger.error("undelivered notifications do not read", {{"receiver", key.first}, {"err", status}});
      }
    }
    s.destinations = std::move(*made);
    {
      const MutexLock lock(s.mu);
      s.external_labels = Labels(external_labels);
      s.dispatcher.set_delivery(shared, s.clock.now_ms(), s.clock.monotonic_ns(), changes);
      s.changed.notify_all();
    }
    if (s.started) {
      for (auto& [key, destination] : s.destinations) destination.sender->start();
    }
  }
  s.drop_orphans(changes);
  s.write(changes);
  return {};
}

void Notifier::start() {
  State& s = *state_;
  const MutexLock flushing(s.flush_mu);
  if (s.started) return;
  s.started = true;
  for (auto& [key, destination] : s.destinations) destination.sender->start();
  s.thread = std::thread([&s] { s.run(); });
}

void Notifier::stop() {
  State& s = *state_;
  {
    const MutexLock lock(s.mu);
    s.stopping = true;
    s.changed.notify_all();
  }
  if (s.thread.joinable()) s.thread.join();
  const MutexLock flushing(s.flush_mu);
  for (auto& [key, destination] : s.destinations) destination.sender->stop();
}

void Notifier::send(const std::vector<Alert>& alerts) {
  State& s = *state_;
  const int64_t now_ms = s.clock.now_ms();
  const int64_t now_ns = s.clock.monotonic_ns();
  const MutexLock lock(s.mu);
  for (const Alert& alert : alerts) {
    Alert labelled = alert;
    labelled.labels = with_external(alert.labels, s.external_labels);
    if (!s.dispatcher.insert(labelled, now_ms, now_ns)) s.metrics.refused();
  }
  s.metrics.set_groups(s.dispatcher.group_count());
  s.changed.notify_all();
}

void Notifier::State::write(const std::vector<storage::StateChange>& changes) {
  if (changes.empty()) return;
  if (const Status status = store.write_state(changes); !status.ok()) {
    metrics.state_write_failed();
    logger.error("alert groups and notifications cannot be written; they are sent, but a restart would forget them",
                 {{"err", status}});
  }
}

void Notifier::State::flush_due() {
  const MutexLock flushing(flush_mu);
  FlushResult due;
  {
    const MutexLock lock(mu);
    due = dispatcher.flush_due(clock.now_ms(), clock.monotonic_ns());
    metrics.set_groups(dispatcher.group_count());
  }
  for (DueMessage& message : due.messages) {
    const auto found = destinations.find({message.receiver, message.webhook});
    if (found == destinations.end()) continue;
    const size_t dropped = found->second.outbox->stage(std::move(message.body), clock.now_ms(), due.changes);
    if (dropped > 0) {
      metrics.dropped(message.receiver, dropped);
      logger.warn("outbox full, oldest notifications dropped",
                  {{"receiver", message.receiver}, {"count", static_cast<uint64_t>(dropped)}});
    }
  }
  write(due.changes);
  for (auto& [key, destination] : destinations) {
    destination.outbox->publish();
    destination.sender->wake();
    metrics.set_outbox(outbox_name(key), destination.outbox->size(), destination.outbox->bytes());
  }
}

void Notifier::State::run() {
  for (;;) {
    {
      const MutexLock lock(mu);
      for (;;) {
        if (stopping) return;
        const int64_t now_ns = clock.monotonic_ns();
        const int64_t due_ns = dispatcher.next_due_ns();
        if (due_ns <= now_ns) break;
        // At most a second, so that the outbox's length in the metrics is never older.
        const int64_t wait_ns = std::min<int64_t>(due_ns - now_ns, 1'000'000'000);
        if (!changed.wait_for(mu, std::chrono::nanoseconds(wait_ns)) && wait_ns == 1'000'000'000) break;
      }
    }
    flush_due();
  }
}

void Notifier::flush_due() { state_->flush_due(); }

}  // namespace tidemark::alerting
