#include "exporter/statfs_pool.h"

#include <errno.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <system_error>
#include <thread>

#include "model/clock.h"
#include "model/mutex.h"

namespace tidemark::exporter {
namespace {

// How long a batch may stand still before another worker is set on it. A local statfs takes a microsecond; one over a
// healthy network a few milliseconds.
constexpr int64_t kStallNs = 100'000'000;

struct Batch {
  size_t open = 0;  // Calls not answered yet.
};

struct Call {
  enum class Stage { kQueued, kRunning, kDone };

  std::string path;
  Stage stage = Stage::kQueued;
  bool late = false;            // Was running at somebody's deadline.
  std::vector<Batch*> waiting;  // On the stacks of ask(), which takes them out before it returns.
  StatfsAnswer answer;
};

}  // namespace

struct StatfsPool::State {
  struct Worker {
    std::thread thread;
    bool running = false;  // In statfs.
  };

  State(StatfsFunction f, unsigned n) : statfs_function(std::move(f)), workers_max(n) {}

  const StatfsFunction statfs_function;
  const unsigned workers_max;

  Mutex mu;
  CondVar work;
  CondVar answered;  // The last call of a batch.
  bool stopping TM_GUARDED_BY(mu) = false;
  unsigned idle TM_GUARDED_BY(mu) = 0;
  std::vector<std::unique_ptr<Worker>> workers TM_GUARDED_BY(mu);
  std::deque<std::shared_ptr<Call>> queue TM_GUARDED_BY(mu);
  std::map<std::string, std::shared_ptr<Call>> calls TM_GUARDED_BY(mu);  // Queued or running, by path.

  static void run(const std::shared_ptr<State>& state, Worker& worker);
  static void set_on(const std::shared_ptr<State>& state) TM_REQUIRES(state->mu);
};

void StatfsPool::State::set_on(const std::shared_ptr<State>& state) {
  if (state->idle > 0) {
    // Who is woken while we hold the lock would go to sleep again at once.
    state->mu.unlock();
    state->work.notify_one();
    state->mu.lock();
  } else if (state->workers.size() < state->workers_max) {
    Worker& worker = *state->workers.emplace_back(std::make_unique<Worker>());
    try {
      worker.thread = std::thread([state, &worker] { run(state, worker); });
    } catch (const std::system_error&) {  // No thread to be had: who waits tries again while it waits.
      state->workers.pop_back();
    }
  }
}

void StatfsPool::State::run(const std::shared_ptr<State>& state, Worker& worker) {
  state->mu.lock();
  while (!state->stopping) {
    if (state->queue.empty()) {
      ++state->idle;
      state->work.wait(state->mu);
      --state->idle;
      continue;
    }
    const std::shared_ptr<Call> call = state->queue.front();
    state->queue.pop_front();
    call->stage = Call::Stage::kRunning;
    worker.running = true;
    state->mu.unlock();
    StatfsAnswer answer;
    answer.timed_out = false;
    answer.error = state->statfs_function(call->path.c_str(), &answer.stats) == 0 ? 0 : errno;
    state->mu.lock();
    worker.running = false;
    call->answer = answer;
    call->stage = Call::Stage::kDone;
    state->calls.erase(call->path);
    bool whole = false;
    for (Batch* batch : call->waiting) whole |= --batch->open == 0;
    if (!whole) continue;
    ++state->idle;  // It looks at the queue once more: no other worker need be started meanwhile.
    state->mu.unlock();
    state->answered.notify_all();
    state->mu.lock();
    --state->idle;
  }
  state->mu.unlock();
}

StatfsPool::StatfsPool(StatfsFunction statfs_function, unsigned workers_max)
    : state_(std::make_shared<State>(std::move(statfs_function), workers_max)) {}

StatfsPool::~StatfsPool() {
  std::vector<std::thread> to_join;
  {
    const MutexLock lock(state_->mu);
    state_->stopping = true;
    state_->work.notify_all();
    for (auto& worker : state_->workers) {
      // Nobody can end a statfs that is stuck, and joining it would hang the program's end. Its thread shares the
      // ownership of all it touches.
      if (worker->running) {
        worker->thread.detach();
      } else {
        to_join.push_back(std::move(worker->thread));
      }
    }
  }
  for (std::thread& thread : to_join) thread.join();
}

std::vector<StatfsAnswer> StatfsPool::ask(const std::vector<std::string>& paths, int64_t deadline_monotonic_ns) {
  Batch batch;
  std::vector<std::shared_ptr<Call>> mine;
  mine.reserve(paths.size());
  const MutexLock lock(state_->mu);
  for (const std::string& path : paths) {
    std::shared_ptr<Call>& call = state_->calls[path];
    if (call == nullptr) {
      call = std::make_shared<Call>();
      call->path = path;
      state_->queue.push_back(call);
    }
    mine.push_back(call);
    if (call->late) continue;
    call->waiting.push_back(&batch);
    ++batch.open;
  }
  if (!state_->queue.empty()) State::set_on(state_);
  size_t open_before = batch.open;
  while (batch.open > 0) {
    const int64_t left_ns = deadline_monotonic_ns - system_clock().monotonic_ns();
    if (left_ns <= 0) break;
    const bool notified = state_->answered.wait_for(state_->mu, std::chrono::nanoseconds(std::min(left_ns, kStallNs)));
    if (!notified && batch.open == open_before && !state_->queue.empty()) State::set_on(state_);
    open_before = batch.open;
  }
  std::vector<StatfsAnswer> answers;
  answers.reserve(mine.size());
  for (const std::shared_ptr<Call>& call : mine) {
    answers.push_back(call->answer);
    if (call->stage == Call::Stage::kRunning) call->late = true;
    std::erase(call->waiting, &batch);
  }
  return answers;
}

unsigned StatfsPool::workers() const {
  const MutexLock lock(state_->mu);
  return static_cast<unsigned>(state_->workers.size());
}

}  // namespace tidemark::exporter
