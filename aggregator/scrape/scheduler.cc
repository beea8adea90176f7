#include "aggregator/scrape/scheduler.h"

#include <algorithm>
#include <system_error>

namespace tidemark::scrape {
namespace {

// How long the timer thread sleeps at most. Its sleep is by the host's clock, due times are by the Clock it was given.
constexpr int64_t kSleepNsMax = 1'000'000'000;
constexpr int64_t kRetryNs = 1'000'000'000;

}  // namespace

// Everything but `task` is guarded by the scheduler's mu_.
class Scheduler::Entry {
 public:
  explicit Entry(Task t) : task(std::move(t)) {}

  enum class State { kIdle, kQueued, kRunning };
  const Task task;
  State state = State::kIdle;
  int64_t interval_ns = 0;
  int64_t queued_due_ns = 0;  // When what is queued was due.
  uint64_t generation = 0;
  bool removed = false;
};

Scheduler::Scheduler(const Options& options, const Clock& clock, Metrics& metrics)
    : options_(options), clock_(clock), metrics_(metrics) {}

Scheduler::~Scheduler() { stop(); }

Scheduler::Handle Scheduler::add(Task task, int64_t due_ns, int64_t interval_ns) {
  auto entry = std::make_shared<Entry>(std::move(task));
  reschedule(entry, due_ns, interval_ns);
  return entry;
}

void Scheduler::reschedule(const Handle& handle, int64_t due_ns, int64_t interval_ns) {
  const MutexLock lock(mu_);
  ++handle->generation;
  handle->interval_ns = interval_ns;
  push(handle, due_ns);
  timer_wake_.notify_one();
}

void Scheduler::remove(const Handle& handle) {
  const MutexLock lock(mu_);
  ++handle->generation;
  handle->removed = true;
}

void Scheduler::push(const Handle& handle, int64_t due_ns) { heap_.push({due_ns, handle->generation, handle}); }

void Scheduler::queue_due() {
  const int64_t now_ns = clock_.monotonic_ns();
  while (!heap_.empty() && heap_.top().due_ns <= now_ns) {
    const Due due = heap_.top();
    heap_.pop();
    Entry& entry = *due.entry;
    if (due.generation != entry.generation) continue;
    const bool once = entry.interval_ns == 0;
    if (!once) {
      const int64_t behind = (now_ns - due.due_ns) / entry.interval_ns;
      if (behind > 0) metrics_.skipped(SkipReason::kLate).Increment(static_cast<double>(behind));
      push(due.entry, due.due_ns + (behind + 1) * entry.interval_ns);
    }
    if (entry.state == Entry::State::kIdle && queue_.size() < options_.queue_max) {
      entry.state = Entry::State::kQueued;
      entry.queued_due_ns = due.due_ns;
      queue_.push_back(due.entry);
      if (started_ && idle_ < queue_.size() && workers_.size() < options_.workers_max) start_worker();
      worker_wake_.notify_one();
    } else if (once) {
      push(due.entry, now_ns + kRetryNs);
    } else if (entry.state == Entry::State::kIdle) {
      metrics_.skipped(SkipReason::kQueueFull).Increment();
    } else {
      metrics_.skipped(entry.state == Entry::State::kRunning ? SkipReason::kRunning : SkipReason::kQueued).Increment();
    }
  }
  metrics_.queue_length.Set(static_cast<double>(queue_.size()));
}

// False when nothing is queued.
bool Scheduler::run_next(unsigned worker) {
  Handle entry;
  {
    const MutexLock lock(mu_);
    while (entry == nullptr) {
      if (queue_.empty()) return false;
      entry = std::move(queue_.front());
      queue_.pop_front();
      if (entry->removed) {
        entry->state = Entry::State::kIdle;
        entry = nullptr;
      }
    }
    entry->state = Entry::State::kRunning;
    metrics_.queue_length.Set(static_cast<double>(queue_.size()));
    metrics_.start_delay_seconds.Observe(static_cast<double>(clock_.monotonic_ns() - entry->queued_due_ns) / 1e9);
  }
  entry->task(worker);
  const MutexLock lock(mu_);
  entry->state = Entry::State::kIdle;
  return true;
}

size_t Scheduler::run_due() {
  {
    const MutexLock lock(mu_);
    queue_due();
  }
  size_t count = 0;
  while (run_next(0)) ++count;
  return count;
}

void Scheduler::start() {
  {
    const MutexLock lock(mu_);
    started_ = true;
  }
  timer_ = std::thread([this] { run_timer(); });
}

void Scheduler::start_worker() {
  const auto worker = static_cast<unsigned>(workers_.size());
  try {
    workers_.emplace_back([this, worker] { run_worker(worker); });
  } catch (const std::system_error&) {
    return;  // No more threads for us (pids limit): what is queued waits for the workers there are.
  }
  metrics_.workers.Set(static_cast<double>(workers_.size()));
}

void Scheduler::stop() {
  {
    const MutexLock lock(mu_);
    stopping_ = true;
    queue_.clear();
    timer_wake_.notify_all();
    worker_wake_.notify_all();
  }
  if (timer_.joinable()) timer_.join();
  std::vector<std::thread> workers;
  {
    const MutexLock lock(mu_);
    workers.swap(workers_);
  }
  for (std::thread& worker : workers) worker.join();
}

void Scheduler::run_timer() {
  const MutexLock lock(mu_);
  while (!stopping_) {
    queue_due();
    int64_t sleep_ns = kSleepNsMax;
    if (!heap_.empty()) sleep_ns = std::clamp<int64_t>(heap_.top().due_ns - clock_.monotonic_ns(), 0, kSleepNsMax);
    if (sleep_ns > 0) timer_wake_.wait_for(mu_, std::chrono::nanoseconds(sleep_ns));
  }
}

void Scheduler::run_worker(unsigned worker) {
  while (true) {
    {
      const MutexLock lock(mu_);
      ++idle_;
      while (queue_.empty() && !stopping_) worker_wake_.wait(mu_);
      --idle_;
      if (stopping_) return;
    }
    run_next(worker);
  }
}

}  // namespace tidemark::scrape
