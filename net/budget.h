// Budget: a bound on bytes that many connections hold together.
#pragma once

#include <atomic>
#include <cstddef>

namespace tidemark::net {

// Thread-safe.
class Budget {
 public:
  explicit Budget(size_t bytes_max) : bytes_max_(bytes_max) {}

  // False, and nothing taken, when it would pass the bound.
  [[nodiscard]] bool take(size_t bytes) {
    const size_t before = taken_.fetch_add(bytes, std::memory_order_relaxed);
    if (before + bytes <= bytes_max_) return true;
    give(bytes);
    return false;
  }
  void give(size_t bytes) { taken_.fetch_sub(bytes, std::memory_order_relaxed); }

 private:
  const size_t bytes_max_;
  std::atomic<size_t> taken_{0};
};

}  // namespace tidemark::net
