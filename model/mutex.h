// Mutex with the annotations that libstdc++'s lacks: clang checks them (-Wthread-safety), g++ ignores them.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define TM_ANNOTATION(x) __attribute__((x))
#else
#define TM_ANNOTATION(x)
#endif

#define TM_GUARDED_BY(x) TM_ANNOTATION(guarded_by(x))
#define TM_REQUIRES(...) TM_ANNOTATION(requires_capability(__VA_ARGS__))
#define TM_EXCLUDES(...) TM_ANNOTATION(locks_excluded(__VA_ARGS__))

namespace tidemark {

class TM_ANNOTATION(capability("mutex")) Mutex {
 public:
  void lock() TM_ANNOTATION(acquire_capability()) { mu_.lock(); }
  void unlock() TM_ANNOTATION(release_capability()) { mu_.unlock(); }
  bool try_lock() TM_ANNOTATION(try_acquire_capability(true)) { return mu_.try_lock(); }

 private:
  std::mutex mu_;
};

class TM_ANNOTATION(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mu) TM_ANNOTATION(acquire_capability(mu)) : mu_(mu) { mu_.lock(); }
  ~MutexLock() TM_ANNOTATION(release_capability()) { mu_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mu_;
};

// Waits release `mu` and take it again before they return. Wake-ups may be spurious: look at the condition in a loop.
class CondVar {
 public:
  void wait(Mutex& mu) TM_REQUIRES(mu) { cv_.wait(mu); }
  // False when the time passed without a notification.
  bool wait_for(Mutex& mu, std::chrono::nanoseconds time) TM_REQUIRES(mu) {
    return cv_.wait_for(mu, time) == std::cv_status::no_timeout;
  }
  void notify_one() { cv_.notify_one(); }
  void notify_all() { cv_.notify_all(); }

 private:
  std::condition_variable_any cv_;
};

}  // namespace tidemark
