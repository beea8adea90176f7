// The monotonic clock, for deadlines on sockets.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace tidemark::net {

inline int64_t monotonic_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

inline int64_t deadline_after_ms(int64_t ms) { return monotonic_ns() + ms * 1'000'000; }

// Milliseconds for poll(2) until `deadline_ns`, rounded up, at least 0 and at most an hour.
inline int poll_ms_until(int64_t deadline_ns) {
  const int64_t ms = (deadline_ns - monotonic_ns() + 999'999) / 1'000'000;
  return static_cast<int>(std::clamp<int64_t>(ms, 0, 3'600'000));
}

}  // namespace tidemark::net
