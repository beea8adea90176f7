// Scheduler: runs tasks at fixed intervals on a bounded pool of workers.
//
// Due times are kept on the monotonic clock, so a host whose clock is set keeps its pace. A task runs on one worker at
// a time: when it is due while it still runs, or still waits for a worker, that run is skipped and counted, not added
// up. So is a run that would make the queue longer than its bound.
//
// Threads: one that waits for the next due time, and the workers. A worker is started when something is queued and none
// is idle, up to the bound, and stays: tasks that hang must not hold up the others, and where nothing hangs a few do.
// Without start() nothing runs but by run_due().
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <queue>
#include <thread>
#include <vector>

#include "aggregator/scrape/metrics.h"
#include "model/clock.h"
#include "model/mutex.h"

namespace tidemark::scrape {

// Thread-safe, but start() and stop() belong to one caller.
class Scheduler {
 public:
  struct Options {
    unsigned workers_max = 256;
    size_t queue_max = 100'000;
  };
  // `worker` is below workers_max and tells concurrent runs apart, for memory that a worker reuses.
  using Task = std::function<void(unsigned worker)>;

  class Entry;
  using Handle = std::shared_ptr<Entry>;

  // `clock` and `metrics` outlive the scheduler.
  Scheduler(const Options& options, const Clock& clock, Metrics& metrics);
  ~Scheduler();  // Stops.
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // The first run is due at `due_ns` (monotonic), the next each `interval_ns` later; 0: there is only the one.
  Handle add(Task task, int64_t due_ns, int64_t interval_ns) TM_EXCLUDES(mu_);
  // Forgets when the task was due and goes by these from now on. A single run that falls due while the task runs is
  // put off, never skipped.
  void reschedule(const Handle& handle, int64_t due_ns, int64_t interval_ns) TM_EXCLUDES(mu_);
  // No run starts after this returns; one under way goes on.
  void remove(const Handle& handle) TM_EXCLUDES(mu_);

  void start();
  // Starts no further run, waits for those under way. Idempotent. For good: there is no second start().
  void stop();

  // Runs everything that is due on this thread, one after the other, and returns how much that was. Not between start()
  // and stop().
  size_t run_due() TM_EXCLUDES(mu_);

 private:
  struct Due {
    int64_t due_ns;
    uint64_t generation;  // Of the entry when this was added; another one now: this is void.
    Handle entry;
    bool operator<(const Due& other) const { return due_ns > other.due_ns; }  // The earliest on top.
  };

  void queue_due() TM_REQUIRES(mu_);
  void push(const Handle& handle, int64_t due_ns) TM_REQUIRES(mu_);
  bool run_next(unsigned worker) TM_EXCLUDES(mu_);
  void start_worker() TM_REQUIRES(mu_);
  void run_timer();
  void run_worker(unsigned worker);

  const Options options_;
  const Clock& clock_;
  Metrics& metrics_;

  Mutex mu_;  // Never held while a task runs.
  CondVar timer_wake_;
  CondVar worker_wake_;
  std::priority_queue<Due> heap_ TM_GUARDED_BY(mu_);
  std::deque<Handle> queue_ TM_GUARDED_BY(mu_);  // At most queue_max. An entry is in it once.
  bool started_ TM_GUARDED_BY(mu_) = false;
  bool stopping_ TM_GUARDED_BY(mu_) = false;
  size_t idle_ TM_GUARDED_BY(mu_) = 0;                   // Workers that wait for the queue.
  std::vector<std::thread> workers_ TM_GUARDED_BY(mu_);  // At most workers_max. Only the timer adds to it.
  std::thread timer_;
};

}  // namespace tidemark::scrape
