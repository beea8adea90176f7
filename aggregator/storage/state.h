// State: the small durable map, in a family of its own. Every write is synced.
#pragma once

#include "aggregator/storage/rocks.h"
#include "aggregator/storage/state_store.h"

namespace tidemark::storage {

inline constexpr size_t kStateValueBytesMax = 1 << 20;

class State {
 public:
  explicit State(Rocks& rocks) : rocks_(rocks) {}

  Result<std::optional<std::string>> get(std::string_view key);
  Result<std::vector<std::pair<std::string, std::string>>> scan(std::string_view prefix);
  Status write(const std::vector<StateChange>& changes);

 private:
  Rocks& rocks_;
};

}  // namespace tidemark::storage
