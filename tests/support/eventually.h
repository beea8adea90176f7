// eventually: waits for a condition instead of for a time. Polls every few milliseconds until it holds or time is up.
#pragma once

#include <chrono>
#include <thread>

namespace tidemark::testing {

template <class Condition>
bool eventually(Condition condition, std::chrono::milliseconds limit = std::chrono::seconds(10)) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace tidemark::testing
