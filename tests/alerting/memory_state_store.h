// MemoryStateStore: a state store that a test can look into, make fail, and hand to a second owner as a restart would.
#pragma once

#include <map>
#include <string>

#include "aggregator/storage/state_store.h"
#include "model/mutex.h"

namespace tidemark::testing {

class MemoryStateStore final : public storage::StateStore {
 public:
  Result<std::optional<std::string>> get_state(std::string_view key) override {
    const MutexLock lock(mu_);
    const auto found = values_.find(std::string(key));
    if (found == values_.end()) return std::optional<std::string>();
    return std::optional<std::string>(found->second);
  }
  Result<std::vector<std::pair<std::string, std::string>>> scan_state(std::string_view prefix) override {
    const MutexLock lock(mu_);
    std::vector<std::pair<std::string, std::string>> found;
    for (const auto& [key, value] : values_) {
      if (key.starts_with(prefix)) found.emplace_back(key, value);
    }
    return found;
  }
  Status write_state(const std::vector<storage::StateChange>& changes) override {
    const MutexLock lock(mu_);
    if (failing_) return Status::io("the disk is full");
    for (const storage::StateChange& change : changes) {
      if (change.value) {
        values_[change.key] = *change.value;
      } else {
        values_.erase(change.key);
      }
    }
    return {};
  }

  void set_failing(bool failing) {
    const MutexLock lock(mu_);
    failing_ = failing;
  }
  size_t count(std::string_view prefix) { return scan_state(prefix)->size(); }

 private:
  Mutex mu_;
  std::map<std::string, std::string> values_ TM_GUARDED_BY(mu_);
  bool failing_ TM_GUARDED_BY(mu_) = false;
};

}  // namespace tidemark::testing
