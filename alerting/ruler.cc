#include "alerting/ruler.h"

#include <xxhash.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <set>
#include <thread>

#include "alerting/rule_group.h"
#include "model/mutex.h"

namespace tidemark::alerting {
namespace {

// The clock may be set: it is looked at this often even when nothing is due for long.
constexpr int64_t kLookMs = 1'000;

// The last time at or before `now_ms` at which the group is due.
int64_t slot_at(const std::string& id, int64_t interval_ms, int64_t now_ms) {
  const auto offset = static_cast<int64_t>(XXH3_64bits(id.data(), id.size()) % static_cast<uint64_t>(interval_ms));
  const int64_t since = (now_ms - offset) % interval_ms;
  return now_ms - (since < 0 ? since + interval_ms : since);
}

struct Slot {
  std::unique_ptr<RuleGroup> group;
  int64_t next_ms = 0;
  bool running = false;  // Or waiting for a worker.
};

struct Job {
  Slot* slot;
  int64_t at_ms;
};

}  // namespace

struct Ruler::State {
  State(const RulerOptions& o, const RulerCollaborators& with)
      : options(o), query(with.query), metrics(with.metrics), group_with{with.appender, with.state,  with.sink,
                                                                         with.clock,    with.logger, metrics} {}

  std::vector<std::unique_ptr<Slot>> build(const std::vector<config::RuleFile>& files, const RulerSettings& settings,
                                           const RuleEnvironment& surroundings);
  void succeed(std::vector<std::unique_ptr<Slot>>& next, int64_t now_ms);
  Status restore(std::vector<std::unique_ptr<Slot>>& next, int64_t now_ms);
  void pause();

  // What is due goes into `due`; returns how long until something is.
  int64_t take_due(int64_t now_ms, std::vector<Job>& due) TM_REQUIRES(mu);
  void run(const Job& job);
  void schedule();
  void work();

  // Constant after construction.
  const RulerOptions options;
  const decltype(RulerCollaborators::query) query;
  RuleMetrics metrics;
  const RuleCollaborators group_with;
  std::atomic<bool> canceled{false};  // Read by queries; no other data hangs on it.

  bool applied = false;                          // apply() only.
  std::unique_ptr<RuleEnvironment> environment;  // Of the groups in force. apply() only; groups hold references.
  std::vector<std::thread> threads;              // start() and stop() only.

  mutable Mutex mu;  // Not held while a group is evaluated, nor across any I/O.
  CondVar changed;   // Work, an idle worker, or the end.
  std::vector<std::unique_ptr<Slot>> slots TM_GUARDED_BY(mu);
  std::deque<Job> queue TM_GUARDED_BY(mu);  // At most one a group.
  size_t running TM_GUARDED_BY(mu) = 0;     // Jobs taken and not done.
  bool paused TM_GUARDED_BY(mu) = false;
  bool stopping TM_GUARDED_BY(mu) = false;
};

int64_t Ruler::State::take_due(int64_t now_ms, std::vector<Job>& due) {
  int64_t wait_ms = kLookMs;
  if (paused) return wait_ms;
  for (const auto& slot : slots) {
    if (slot->running) continue;
    const RuleGroup& group = *slot->group;
    const int64_t interval_ms = group.settings().interval_ms;
    // The clock was set back: begin again from where it is.
    if (slot->next_ms - now_ms > interval_ms) slot->next_ms = slot_at(group.id(), interval_ms, now_ms) + interval_ms;
    if (slot->next_ms > now_ms) {
      wait_ms = std::min(wait_ms, slot->next_ms - now_ms);
      continue;
    }
    const int64_t missed = (now_ms - slot->next_ms) / interval_ms;
    group.metrics().iterations->Increment(static_cast<double>(missed + 1));
    group.metrics().missed->Increment(static_cast<double>(missed));
    slot->running = true;
    due.push_back({slot.get(), slot->next_ms + missed * interval_ms});
    slot->next_ms += (missed + 1) * interval_ms;
  }
  return wait_ms;
}

void Ruler::State::run(const Job& job) { job.slot->group->evaluate(job.at_ms); }

void Ruler::State::schedule() {
  const MutexLock lock(mu);
  while (!stopping) {
    std::vector<Job> due;
    const int64_t wait_ms = take_due(group_with.clock.now_ms(), due);
    queue.insert(queue.end(), due.begin(), due.end());
    if (!due.empty()) changed.notify_all();
    changed.wait_for(mu, std::chrono::milliseconds(wait_ms));
  }
}

void Ruler::State::work() {
  while (true) {
    Job job{};
    {
      const MutexLock lock(mu);
      while (!stopping && queue.empty()) changed.wait(mu);
      if (stopping) return;
      job = queue.front();
      queue.pop_front();
      ++running;
    }
    run(job);
    const MutexLock lock(mu);
    job.slot->running = false;
    --running;
    changed.notify_all();
  }
}

// Afterwards nothing runs and nothing begins until `paused` is taken back.
void Ruler::State::pause() {
  const MutexLock lock(mu);
  paused = true;
  for (const Job& job : queue) job.slot->running = false;
  queue.clear();
  while (running > 0) changed.wait(mu);
}

std::vector<std::unique_ptr<Slot>> Ruler::State::build(const std::vector<config::RuleFile>& files,
                                                       const RulerSettings& settings,
                                                       const RuleEnvironment& surroundings) {
  std::vector<std::unique_ptr<Slot>> result;
  std::map<std::string, int> uses;  // Of a rule key: equal rules are told apart by their order.
  for (const config::RuleFile& file : files) {
    for (const config::RuleGroup& group : file.groups) {
      std::vector<std::string> keys;
      for (const config::Rule& rule : group.rules) {
        std::string key = rule_key(group.name, rule);
        const int use = uses[key]++;
        if (use > 0) key += "-" + std::to_string(use);
        keys.push_back(std::move(key));
      }
      GroupSettings of_group;
      of_group.interval_ms = group.interval_ms > 0 ? group.interval_ms : settings.interval_ms;
      of_group.query_offset_ms = group.query_offset_ms.value_or(settings.query_offset_ms);
      of_group.resend_delay_ms = options.resend_delay_ms;
      auto slot = std::make_unique<Slot>();
      slot->group = std::make_unique<RuleGroup>(group_with, surroundings, of_group, file.file, group, keys);
      result.push_back(std::move(slot));
    }
  }
  std::sort(result.begin(), result.end(), [](const auto& a, const auto& b) { return a->group->id() < b->group->id(); });
  return result;
}

Status Ruler::State::restore(std::vector<std::unique_ptr<Slot>>& next, int64_t now_ms) {
  auto stored = load_alerts(group_with.state, now_ms);
  if (!stored) return stored.error().at("reading alert state");
  for (const auto& slot : next) slot->group->restore(*stored);
  // What is left belongs to rules that are gone.
  std::vector<storage::StateChange> changes;
  for (std::string& key : stored->unreadable) changes.push_back({std::move(key), std::nullopt});
  if (!changes.empty()) {
    group_with.logger.warn("Dropped unreadable alert state", {{"alerts", static_cast<uint64_t>(changes.size())}});
  }
  for (const auto& [key, alerts] : stored->by_rule) {
    RuleState state(key);
    state.loaded(alerts);
    state.append_changes({}, changes);
  }
  return changes.empty() ? Status() : group_with.state.write_state(changes);
}

// Hands over from the groups in force, which are idle, to the next ones.
void Ruler::State::succeed(std::vector<std::unique_ptr<Slot>>& next, int64_t now_ms) {
  std::vector<Slot*> current;
  {
    const MutexLock lock(mu);
    for (const auto& slot : slots) current.push_back(slot.get());
  }
  for (const auto& slot : next) {
    for (Slot* old : current) {
      slot->group->adopt(*old->group);
      const bool same = old->group->id() == slot->group->id() &&
                        old->group->settings().interval_ms == slot->group->settings().interval_ms;
      if (same) slot->next_ms = old->next_ms;
    }
  }
  for (Slot* old : current) old->group->retire(now_ms);
}

Ruler::Ruler(const RulerOptions& options, const RulerCollaborators& with)
    : state_(std::make_unique<State>(options, with)) {}

Ruler::~Ruler() { stop(); }

Status Ruler::apply(const std::vector<config::RuleFile>& files, const RulerSettings& settings) {
  State& s = *state_;
  auto environment = std::make_unique<RuleEnvironment>();
  environment->query = [&s](std::string_view expression, int64_t t_ms) {
    return s.query(expression, t_ms, &s.canceled);
  };
  environment->external_labels = settings.external_labels;
  environment->external_url = s.options.external_url;

  s.pause();
  const int64_t now_ms = s.group_with.clock.now_ms();
  auto next = s.build(files, settings, *environment);
  Status status;
  if (s.applied) {
    s.succeed(next, now_ms);
  } else {
    status = s.restore(next, now_ms);
  }
  std::set<std::string> ids;
  {
    const MutexLock lock(s.mu);
    if (status.ok()) s.slots.swap(next);
    for (const auto& slot : s.slots) {
      const RuleGroup& group = *slot->group;
      const int64_t interval_ms = group.settings().interval_ms;
      if (slot->next_ms == 0) slot->next_ms = slot_at(group.id(), interval_ms, now_ms) + interval_ms;
      ids.insert(group.id());
    }
    s.paused = false;
    s.changed.notify_all();
  }
  next.clear();  // The groups that were in force; their environment after them.
  s.metrics.retain(ids);
  if (!status.ok()) return status;
  s.environment = std::move(environment);
  s.applied = true;
  s.metrics.last_load_seconds.Set(static_cast<double>(now_ms) / 1000);
  return {};
}

void Ruler::start() {
  State& s = *state_;
  if (!s.threads.empty()) return;
  s.canceled = false;
  {
    const MutexLock lock(s.mu);
    s.stopping = false;
  }
  s.threads.emplace_back([&s] { s.schedule(); });
  for (unsigned i = 0; i < std::max(1u, s.options.workers); ++i) s.threads.emplace_back([&s] { s.work(); });
}

void Ruler::stop() {
  State& s = *state_;
  s.canceled = true;
  {
    const MutexLock lock(s.mu);
    s.stopping = true;
    for (const Job& job : s.queue) job.slot->running = false;
    s.queue.clear();
    s.changed.notify_all();
  }
  for (std::thread& thread : s.threads) thread.join();
  s.threads.clear();
}

std::vector<std::shared_ptr<const GroupView>> Ruler::groups() const {
  std::vector<std::shared_ptr<const GroupView>> views;
  const MutexLock lock(state_->mu);
  for (const auto& slot : state_->slots) views.push_back(slot->group->view());
  return views;
}

void Ruler::evaluate_due() {
  State& s = *state_;
  std::vector<Job> due;
  {
    const MutexLock lock(s.mu);
    s.take_due(s.group_with.clock.now_ms(), due);
    s.running += due.size();
  }
  for (const Job& job : due) s.run(job);
  const MutexLock lock(s.mu);
  for (const Job& job : due) job.slot->running = false;
  s.running -= due.size();
}

}  // namespace tidemark::alerting
