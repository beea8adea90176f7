// FakeClock: time that moves only when a test says so. Thread-safe.
#pragma once

#include <atomic>

#include "model/clock.h"

namespace tidemark::testing {

class FakeClock final : public Clock {
 public:
  explicit FakeClock(int64_t now_ms = 1'700'000'000'000) : now_ms_(now_ms) {}

  int64_t now_ms() const override { return now_ms_.load(); }
  int64_t monotonic_ns() const override { return monotonic_ns_.load(); }

  void advance_ms(int64_t ms) {
    now_ms_ += ms;
    monotonic_ns_ += ms * 1'000'000;
  }
  void set_now_ms(int64_t now_ms) { now_ms_ = now_ms; }  // The host's clock was set; monotonic time stays.

 private:
  std::atomic<int64_t> now_ms_;
  std::atomic<int64_t> monotonic_ns_{1'000'000'000};
};

}  // namespace tidemark::testing
