#include "exporter/scrape_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <system_error>
#include <thread>

#include "model/mutex.h"

namespace tidemark::exporter {
namespace {

// Families kept for later scrapes: two may be written out while a third is filled.
constexpr size_t kIdleMax = 2;
// A collector gets at least so long, and this much more to come back before it counts as stuck.
constexpr int64_t kTimeMinNs = 50'000'000;
constexpr int64_t kGraceNs = 50'000'000;

class FamiliesPool {
 public:
  static std::shared_ptr<Families> take(const std::shared_ptr<FamiliesPool>& pool) {
    std::unique_ptr<Families> one;
    {
      const MutexLock lock(pool->mu_);
      if (!pool->idle_.empty()) {
        one = std::move(pool->idle_.back());
        pool->idle_.pop_back();
      }
    }
    if (one == nullptr) one = std::make_unique<Families>();
    return {one.release(), [pool](Families* used) {
              std::unique_ptr<Families> families(used);
              families->clear();
              const MutexLock lock(pool->mu_);
              if (pool->idle_.size() < kIdleMax) pool->idle_.push_back(std::move(families));
            }};
  }

 private:
  Mutex mu_;
  std::vector<std::unique_ptr<Families>> idle_ TM_GUARDED_BY(mu_);
};

// One pass over the collectors. The worker's but for what is marked.
struct Pass {
  std::vector<bool> chosen;
  std::shared_ptr<Families> families;
  std::unique_ptr<ScrapeContext> context;
  int64_t deadline_ns = 0;
  std::vector<ScrapeRunner::Outcome> outcomes;
  // Guarded by State::mu.
  size_t current = 0;  // Which one runs.
  int64_t current_until_ns = 0;
  bool done = false;
  bool abandoned = false;  // Nobody waits for it any more.
};

Status collect_one(Collector& collector, ScrapeContext& context, Families& out) {
  const Families::Mark before = out.mark();
  Status status;
  try {
    status = collector.collect(context, out);
  } catch (const std::exception& error) {
    status = Status::internal(fmt::format("exception: {}", error.what()));
  }
  if (!status.ok()) out.rollback(before);
  return status;
}

}  // namespace

struct ScrapeRunner::State {
  // Each is called by one worker at a time: after a stuck call, only once that returned.
  std::vector<std::unique_ptr<Collector>> collectors;
  const std::shared_ptr<FamiliesPool> pool = std::make_shared<FamiliesPool>();
  std::unique_ptr<ScrapeContext> idle_context;  // run()'s, as is `worker`.
  std::thread worker;

  Mutex mu;
  CondVar work;
  CondVar progress;
  std::shared_ptr<Pass> next TM_GUARDED_BY(mu);  // To be taken by the worker.
  std::vector<bool> stuck TM_GUARDED_BY(mu);
  bool stopping TM_GUARDED_BY(mu) = false;

  static void serve(const std::shared_ptr<State>& state);
  void run_pass(Pass& pass) TM_REQUIRES(mu);
  void wait_for(Pass& pass) TM_REQUIRES(mu);
};

void ScrapeRunner::State::serve(const std::shared_ptr<State>& state) {
  state->mu.lock();
  bool abandoned = false;
  while (!state->stopping && !abandoned) {
    if (state->next == nullptr) {
      state->work.wait(state->mu);
      continue;
    }
    const std::shared_ptr<Pass> pass = std::move(state->next);
    state->next = nullptr;
    state->run_pass(*pass);
    abandoned = pass->abandoned;
    pass->done = true;
    // Who is woken while we hold the lock would go to sleep again at once.
    state->mu.unlock();
    state->progress.notify_all();
    state->mu.lock();
  }
  state->mu.unlock();
}

void ScrapeRunner::State::run_pass(Pass& pass) {
  int64_t now_ns = system_clock().monotonic_ns();
  for (size_t i = 0; i < collectors.size(); ++i) {
    if (!pass.chosen[i]) continue;
    pass.current = i;
    pass.current_until_ns = now_ns + std::max(kTimeMinNs, (pass.deadline_ns - now_ns) / 2);
    mu.unlock();
    pass.context->set_deadline(pass.current_until_ns);
    Outcome outcome;
    outcome.ran = true;
    outcome.status = collect_one(*collectors[i], *pass.context, *pass.families);
    const int64_t end_ns = system_clock().monotonic_ns();
    outcome.took_ns = end_ns - now_ns;
    now_ns = end_ns;
    mu.lock();
    if (pass.abandoned) {
      stuck[i] = false;
      return;
    }
    pass.outcomes[i] = std::move(outcome);
  }
}

// Returns when the pass is done or its current collector is overdue.
void ScrapeRunner::State::wait_for(Pass& pass) {
  while (!pass.done) {
    const int64_t left_ns = pass.current_until_ns + kGraceNs - system_clock().monotonic_ns();
    if (left_ns <= 0) return;
    progress.wait_for(mu, std::chrono::nanoseconds(left_ns));
  }
}

ScrapeRunner::ScrapeRunner(std::vector<std::unique_ptr<Collector>> collectors) : state_(std::make_shared<State>()) {
  state_->collectors = std::move(collectors);
  const MutexLock lock(state_->mu);
  state_->stuck.resize(state_->collectors.size());
}

ScrapeRunner::~ScrapeRunner() {
  {
    const MutexLock lock(state_->mu);
    state_->stopping = true;
    state_->work.notify_all();
  }
  if (state_->worker.joinable()) state_->worker.join();
}

std::shared_ptr<Families> ScrapeRunner::empty_families() const { return FamiliesPool::take(state_->pool); }

size_t ScrapeRunner::stuck() const {
  const MutexLock lock(state_->mu);
  return static_cast<size_t>(std::count(state_->stuck.begin(), state_->stuck.end(), true));
}

ScrapeRunner::Result ScrapeRunner::run(const std::vector<bool>& chosen, int64_t deadline_monotonic_ns) {
  State& s = *state_;
  Result result;
  result.outcomes.resize(s.collectors.size());
  for (;;) {
    const auto pass = std::make_shared<Pass>();
    pass->families = empty_families();
    pass->context = s.idle_context != nullptr ? std::move(s.idle_context) : std::make_unique<ScrapeContext>();
    pass->context->begin(deadline_monotonic_ns);
    pass->deadline_ns = deadline_monotonic_ns;
    pass->outcomes = result.outcomes;
    pass->chosen = chosen;
    pass->current_until_ns = system_clock().monotonic_ns() + kTimeMinNs + kGraceNs;
    if (!s.worker.joinable()) {
      try {
        s.worker = std::thread([state = state_] { State::serve(state); });
      } catch (const std::system_error& error) {
        for (size_t i = 0; i < chosen.size(); ++i) {
          if (chosen[i])
            result.outcomes[i] = {true, Status::unavailable(fmt::format("no thread: {}", error.what())), 0};
        }
        result.families = empty_families();
        return result;
      }
    }
    const int64_t start_ns = system_clock().monotonic_ns();
    const MutexLock lock(s.mu);
    for (size_t i = 0; i < chosen.size(); ++i) {
      if (!chosen[i] || !s.stuck[i]) continue;
      pass->chosen[i] = false;
      if (!pass->outcomes[i].ran)
        pass->outcomes[i] = {true, Status::timeout("an earlier call of it has not returned yet"), 0};
    }
    s.next = pass;
    s.mu.unlock();  // As in serve().
    s.work.notify_one();
    s.mu.lock();
    s.wait_for(*pass);
    if (pass->done) {
      s.idle_context = std::move(pass->context);
      result.families = std::move(pass->families);
      result.outcomes = std::move(pass->outcomes);
      return result;
    }
    // The pass, its families and its context belong to the worker that is left behind.
    pass->abandoned = true;
    const int64_t took_ns = system_clock().monotonic_ns() - start_ns;
    if (s.next == pass) {
      s.next = nullptr;  // Not even begun: a host without time for us. The worker is as good as new.
      for (size_t i = 0; i < chosen.size(); ++i) {
        if (pass->chosen[i]) result.outcomes[i] = {true, Status::timeout("the host gave it no time to run"), took_ns};
      }
      result.families = empty_families();
      return result;
    }
    s.stuck[pass->current] = true;
    s.worker.detach();
    result.outcomes[pass->current] = {
        true,
        Status::timeout(fmt::format("no answer within {} ms; it is left out until it returns", took_ns / 1'000'000)),
        took_ns};
  }
}

}  // namespace tidemark::exporter
