// Clock: the one way to learn the time, so that tests run on a clock of their own.
#pragma once

#include <cstdint>

namespace tidemark {

class Clock {
 public:
  virtual ~Clock() = default;

  // Milliseconds since the Unix epoch. May jump in either direction when the host's clock is set. Thread-safe.
  virtual int64_t now_ms() const = 0;

  // Nanoseconds from an arbitrary start; never goes back. For durations and deadlines. Thread-safe.
  virtual int64_t monotonic_ns() const = 0;
};

// The host's clocks. Lives as long as the process.
const Clock& system_clock();

}  // namespace tidemark
