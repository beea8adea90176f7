// StateStore: a small durable map beside the samples, for what must survive a crash: alert state, silences, the outbox.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/status.h"

namespace tidemark::storage {

struct StateChange {
  std::string key;                   // "alerting/state/..." : each owner has a prefix of its own.
  std::optional<std::string> value;  // Nothing: delete.
};

// Thread-safe. Keys and values are bytes; values stay under 1 MB.
class StateStore {
 public:
  virtual ~StateStore() = default;

  virtual Result<std::optional<std::string>> get_state(std::string_view key) = 0;
  // Every pair whose key begins with `prefix`, in key order.
  virtual Result<std::vector<std::pair<std::string, std::string>>> scan_state(std::string_view prefix) = 0;
  // All or nothing, and synced to disk before it returns.
  virtual Status write_state(const std::vector<StateChange>& changes) = 0;
};

}  // namespace tidemark::storage
