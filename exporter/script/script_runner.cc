#include "exporter/script/script_runner.h"

#include <errno.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

namespace tidemark::exporter {
namespace {

constexpr size_t kErrorBytesMax = 1 << 10;  // Of standard error, for the log.
constexpr int64_t kWaitMaxMs = 60'000;      // The clock may be set meanwhile.
constexpr int64_t kSetBackMs = 1'000;       // Less is a clock that is being corrected.

int64_t next_time(const ScriptSpec& spec, int64_t after_ms) {
  if (!spec.cron) return after_ms + spec.interval_ms;
  const auto next = spec.cron->next(after_ms / 1'000);
  return next ? *next * 1'000 : 0;
}

// The last line that says something, for a message.
std::string last_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

}  // namespace

struct ScriptRunner::Script {
  ScriptSpec spec;
  ScriptState state;
  bool wanted = false;   // Asked for over the API.
  bool removed = false;  // From the configuration, while it runs.

  // While it runs.
  std::unique_ptr<ChildProcess> child;
  std::string output;
  std::string errors;
  int64_t deadline_ns = 0;
  bool timed_out = false;
  bool too_long = false;
};

ScriptRunner::ScriptRunner(Options options, Logger& logger) : options_(std::move(options)), logger_(logger) {}

Result<std::vector<ScriptSpec>> ScriptRunner::load() const {
  if (Status status = check_script_directory(options_.directory); !status.ok())
    return fail(status.at("--collector.script.directory"));
  return load_script_config(options_.config_file);
}

Result<std::unique_ptr<ScriptRunner>> ScriptRunner::start(const Options& options, Logger& logger) {
  std::unique_ptr<ScriptRunner> runner(new ScriptRunner(options, logger));
  auto specs = runner->load();
  if (!specs) return fail(specs.error());
  {
    const MutexLock lock(runner->mu_);
    runner->take_over(std::move(*specs));
  }
  runner->wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (runner->wake_ < 0) return fail(Status::io("eventfd"));
  runner->thread_ = std::thread([&self = *runner] { self.run(); });
  return runner;
}

ScriptRunner::~ScriptRunner() {
  stopping_.store(true);
  wake();
  if (thread_.joinable()) thread_.join();
  if (wake_ >= 0) ::close(wake_);
}

void ScriptRunner::wake() const {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_, &one, sizeof one);  // Full means awake anyway.
}

Status ScriptRunner::reload() {
  auto specs = load();
  if (!specs) return specs.error();
  const MutexLock lock(mu_);
  take_over(std::move(*specs));
  wake();
  return {};
}

void ScriptRunner::take_over(std::vector<ScriptSpec> specs) {
  const int64_t now_ms = options_.clock->now_ms();
  std::vector<std::unique_ptr<Script>> next;
  for (ScriptSpec& spec : specs) {
    const auto known = std::find_if(scripts_.begin(), scripts_.end(), [&](const auto& s) {
      return s != nullptr && s->spec.name == spec.name && !s->removed;
    });
    auto& script = next.emplace_back(known != scripts_.end() ? std::move(*known) : std::make_unique<Script>());
    script->state.name = spec.name;
    script->state.program = spec.program;
    script->spec = std::move(spec);
    // Intervals begin at once, or from the last run; crontab lines have times of their own.
    const int64_t from_ms = script->spec.cron ? now_ms : std::min(script->state.started_ms, now_ms);
    script->state.next_ms = from_ms == 0 ? now_ms : next_time(script->spec, from_ms);
  }
  for (auto& script : scripts_) {
    if (script == nullptr || script->child == nullptr) continue;
    script->removed = true;
    next.push_back(std::move(script));
  }
  scripts_ = std::move(next);
}

Status ScriptRunner::run_now(const std::string& name) {
  const MutexLock lock(mu_);
  for (const auto& script : scripts_) {
    if (script->spec.name != name || script->removed) continue;
    if (script->child != nullptr || script->wanted)
      return Status::unavailable(fmt::format("script {} is running already", name));
    script->wanted = true;
    wake();
    return {};
  }
  return Status::not_found(fmt::format("there is no script {}", name));
}

std::vector<ScriptState> ScriptRunner::states() const {
  const MutexLock lock(mu_);
  std::vector<ScriptState> out;
  for (const auto& script : scripts_) {
    if (script->removed) continue;
    out.push_back(script->state);
    out.back().running = script->child != nullptr;
  }
  return out;
}

int ScriptRunner::wait_ms(int64_t now_ms) const {
  const int64_t now_ns = system_clock().monotonic_ns();
  const auto running =
      std::count_if(scripts_.begin(), scripts_.end(), [](const auto& s) { return s->child != nullptr; });
  const bool full = static_cast<size_t>(running) >= options_.running_max;
  int64_t wait = kWaitMaxMs;
  for (const auto& script : scripts_) {
    if (script->child != nullptr) {
      if (!script->timed_out) wait = std::min(wait, (script->deadline_ns - now_ns) / 1'000'000 + 1);
    } else if (!full && script->state.next_ms > 0) {
      wait = std::min(wait, script->state.next_ms - now_ms);
    }
  }
  return static_cast<int>(std::max<int64_t>(wait, 0));
}

void ScriptRunner::run() {
  std::vector<pollfd> waiting;
  while (!stopping_.load()) {
    int timeout_ms = 0;
    {
      const MutexLock lock(mu_);
      const int64_t now_ms = options_.clock->now_ms();
      follow_clock(now_ms);
      start_due(now_ms);
      timeout_ms = wait_ms(now_ms);
      waiting.assign(1, {wake_, POLLIN, 0});
      for (const auto& script : scripts_) {
        if (script->child == nullptr) continue;
        for (const int fd : {script->child->output, script->child->errors, script->child->exited()}) {
          if (fd >= 0) waiting.push_back({fd, POLLIN, 0});
        }
      }
    }
    ::poll(waiting.data(), waiting.size(), timeout_ms);
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t read = ::read(wake_, &count, sizeof count);
    const MutexLock lock(mu_);
    const int64_t now_ns = system_clock().monotonic_ns();
    for (const auto& script : scripts_) {
      if (script->child == nullptr) continue;
      read_output(*script);
      const bool exited = std::any_of(waiting.begin(), waiting.end(), [&](const pollfd& p) {
        return p.fd == script->child->exited() && (p.revents & POLLIN) != 0;
      });
      if (exited) {
        read_output(*script);  // What it said last.
        finish(*script, script->child->reap());
      } else if (now_ns >= script->deadline_ns && !script->timed_out) {
        script->timed_out = true;
        script->child->kill_group();
      }
    }
    std::erase_if(scripts_, [](const auto& s) { return s->removed && s->child == nullptr; });
  }
  const MutexLock lock(mu_);
  scripts_.clear();  // On this thread: it is the children's parent.
}

// After the clock was set back, times that it gave before would be long in coming.
void ScriptRunner::follow_clock(int64_t now_ms) {
  if (now_ms < last_ms_ - kSetBackMs) {
    for (const auto& script : scripts_) {
      int64_t& next_ms = script->state.next_ms;
      next_ms =
          script->spec.cron ? next_time(script->spec, now_ms) : std::min(next_ms, next_time(script->spec, now_ms));
    }
  }
  last_ms_ = now_ms;
}

void ScriptRunner::start_due(int64_t now_ms) {
  std::vector<Script*> due;
  size_t running = 0;
  for (const auto& script : scripts_) {
    const bool is_time = script->state.next_ms > 0 && script->state.next_ms <= now_ms;
    if (script->child != nullptr) {
      ++running;
      if (!is_time) continue;
      ++script->state.missed;
      script->state.next_ms = next_time(script->spec, now_ms);
    } else if (is_time || script->wanted) {
      due.push_back(script.get());
    }
  }
  std::stable_sort(due.begin(), due.end(),
                   [](const Script* a, const Script* b) { return a->state.next_ms < b->state.next_ms; });
  for (Script* script : due) {
    if (running >= options_.running_max) return;
    start_one(*script, now_ms);
    if (script->child != nullptr) ++running;
  }
}

void ScriptRunner::start_one(Script& script, int64_t now_ms) {
  script.wanted = false;
  script.state.started_ms = now_ms;
  script.state.next_ms = next_time(script.spec, now_ms);
  script.output.clear();
  script.errors.clear();
  script.timed_out = script.too_long = false;
  script.deadline_ns = system_clock().monotonic_ns() + script.spec.timeout_ms * 1'000'000;
  const auto path = find_program(options_.directory, script.spec.program);
  Status status = path ? Status() : path.error();
  if (status.ok()) {
    auto child = ChildProcess::start(*path, script.spec);
    if (child) {
      script.child = std::move(*child);
      return;
    }
    status = child.error().at(*path);
  }
  script.state.exit_code = 127;
  end_run(script, now_ms, status, ScriptFailure::kStart);
}

void ScriptRunner::read_output(Script& script) {
  const auto read_all = [](int& fd, size_t bytes_max, std::string& out) {
    char piece[16 << 10];
    while (fd >= 0) {
      const ssize_t got = ::read(fd, piece, sizeof piece);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) return true;
      if (got <= 0) {
        ::close(fd);
        fd = -1;
        return true;
      }
      const size_t room = bytes_max - std::min(bytes_max, out.size());  // A reload may have lowered the limit.
      out.append(piece, std::min(room, static_cast<size_t>(got)));
      if (static_cast<size_t>(got) > room) return false;
    }
    return true;
  };
  if (!read_all(script.child->output, script.spec.output_bytes_max, script.output) && !script.too_long) {
    script.too_long = true;
    script.child->kill_group();
    ::close(script.child->output);
    script.child->output = -1;
  }
  read_all(script.child->errors, kErrorBytesMax, script.errors);
}

void ScriptRunner::finish(Script& script, int exit_code) {
  const ScriptSpec& spec = script.spec;
  script.child = nullptr;
  script.state.exit_code = exit_code;
  Status status;
  ScriptFailure failure = ScriptFailure::kExit;
  if (script.timed_out) {
    failure = ScriptFailure::kTimeout;
    status = Status::timeout(fmt::format("not done after {} ms, killed", spec.timeout_ms));
  } else if (script.too_long) {
    failure = ScriptFailure::kOutput;
    status = Status::limit(fmt::format("printed more than {} bytes, killed", spec.output_bytes_max));
  } else if (exit_code != 0) {
    status = Status::execution(
        fmt::format("exit code {}{}{}", exit_code, script.errors.empty() ? "" : ": ", last_line(script.errors)));
  } else if (auto text = read_external_text(script.output); text) {
    script.state.text = std::make_shared<const ExternalText>(std::move(*text));
  } else {
    failure = ScriptFailure::kText;
    status = text.error().at("output");
  }
  script.output = {};
  script.errors = {};
  end_run(script, options_.clock->now_ms(), status, failure);
}

void ScriptRunner::end_run(Script& script, int64_t now_ms, const Status& status, ScriptFailure failure) {
  ScriptState& state = script.state;
  ++state.runs;
  state.duration_ms = std::max<int64_t>(0, now_ms - state.started_ms);
  state.success = status.ok();
  if (!status.ok()) {
    ++state.failures[static_cast<size_t>(failure)];
    state.text = nullptr;
    // Once, until the reason changes.
    if (state.error != status.message()) logger_.error("script failed", {{"script", state.name}, {"err", status}});
  } else if (!state.error.empty()) {
    logger_.info("script works again", {{"script", state.name}});
  }
  state.error = status.message();
}

}  // namespace tidemark::exporter
