// Outbox: the messages of one webhook that were not delivered yet, oldest first, in memory and in the state store.
//
// Adding is in two steps, because messages of several webhooks and the groups they come from are written together:
//     outbox.stage(body, changes);   // assigns a place in the order
//     state.write_state(changes);    // durable
//     outbox.publish();              // now a sender sees them
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/storage/state_store.h"
#include "model/mutex.h"
#include "model/status.h"

namespace tidemark::alerting {

inline constexpr std::string_view kOutboxPrefix = "alerting/outbox/";

struct OutboxMessage {
  std::string state_key;
  std::string idempotency_key;  // The same at every attempt, also after a restart; no other message has it.
  std::string body;
};

// Thread-safe; stage() and publish() belong to one thread, pop() to the sender's.
class Outbox {
 public:
  // `name` tells webhooks apart and must stay the same over restarts.
  Outbox(std::string name, size_t messages_max, size_t bytes_max, storage::StateStore& state);

  // Takes over what an earlier process left. Before the first stage().
  Status load();

  // Adds a message, and to `changes` what makes it durable. When a bound is passed, the oldest messages that nobody is
  // sending are dropped; returns how many.
  size_t stage(std::string body, int64_t now_ms, std::vector<storage::StateChange>& changes);
  void publish();

  // The oldest message, which stays until pop(). Nothing when there is none.
  std::optional<OutboxMessage> front() const;
  // Removes the message that front() gave, from the store first. When the store cannot forget it, it is forgotten here
  // all the same; after a restart it would be sent again.
  Status pop();

  // Deletes everything: the webhook is gone.
  void append_deletions(std::vector<storage::StateChange>& changes) const;

  size_t size() const;
  size_t bytes() const;
  const std::string& name() const { return name_; }

 private:
  const std::string name_;
  const std::string prefix_;
  const size_t messages_max_;
  const size_t bytes_max_;
  storage::StateStore& state_;

  mutable Mutex mu_;
  std::deque<OutboxMessage> messages_ TM_GUARDED_BY(mu_);
  size_t published_ TM_GUARDED_BY(mu_) = 0;          // How many of them a sender may see.
  mutable bool sending_ TM_GUARDED_BY(mu_) = false;  // front() was given out: it must not be dropped.
  size_t bytes_ TM_GUARDED_BY(mu_) = 0;
  uint64_t next_sequence_ TM_GUARDED_BY(mu_) = 1;
};

}  // namespace tidemark::alerting
