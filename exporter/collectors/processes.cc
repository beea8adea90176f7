// How many processes and threads there are and what they do: /proc/<pid>/stat of each process, and of each thread of
// those that have more than one. "27 (a name) S 1 ..." (proc(5)): the state is behind the last parenthesis, since a
// name may hold any; the number of threads is 17 columns further.
#include <array>

#include "exporter/collectors/collectors.h"
#include "exporter/deadline.h"
#include "exporter/directory.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

constexpr size_t kProcessesMax = 4'194'304;  // The kernel's PID_MAX_LIMIT.
constexpr size_t kDeadlineEvery = 64;        // Processes between two looks at the clock.
constexpr int kThreadsColumn = 17;           // Behind the state.

struct Stat {
  char state = 0;
  uint64_t threads = 0;
};

std::optional<Stat> read_stat(const Directory& process, const std::string& file) {
  std::array<char, 1'024> buffer;
  const auto text = process.read(file, buffer);
  if (!text) return std::nullopt;
  const size_t name_end = text->rfind(')');
  if (name_end == text->npos) return std::nullopt;
  std::string_view rest = text->substr(name_end + 1);
  const std::string_view state = next_word(rest);
  for (int i = 1; i < kThreadsColumn; ++i) next_word(rest);
  const auto threads = to_u64(next_word(rest));
  if (state.size() != 1 || !threads) return std::nullopt;
  return Stat{state[0], *threads};
}

using StateCounts = std::array<uint64_t, 128>;

void add_states(Family& family, std::string_view label, const StateCounts& counts) {
  for (size_t state = 0; state < counts.size(); ++state) {
    const char letter = static_cast<char>(state);
    if (counts[state] > 0) add_sample(family, static_cast<double>(counts[state]), {{label, {&letter, 1}}});
  }
}

class Processes final : public Collector {
 public:
  explicit Processes(const CollectorConfig& config) : path_(config.procfs) {}

  Status collect(ScrapeContext& context, Families& out) override {
    const Directory proc(path_);
    const auto threads_max = proc.number("sys/kernel/threads-max");
    const auto pid_max = proc.number("sys/kernel/pid_max");
    if (!threads_max || !pid_max) return Status::io("open " + path_ + "/sys/kernel/{threads-max,pid_max}: no number");
    StateCounts process_states{};
    StateCounts thread_states{};
    uint64_t processes = 0;
    uint64_t threads = 0;
    size_t seen = 0;
    for (const std::string& pid : proc.numbered("", kProcessesMax)) {
      if (seen++ % kDeadlineEvery == 0) {
        if (const Status status = check_deadline(context); !status.ok()) return status.at(path_ + "/" + pid);
      }
      const auto stat = read_stat(proc, pid + "/stat");
      if (!stat) continue;  // It has ended.
      ++processes;
      threads += stat->threads;
      ++process_states[static_cast<size_t>(stat->state) % process_states.size()];
      ++thread_states[static_cast<size_t>(stat->state) % thread_states.size()];
      if (stat->threads <= 1) continue;
      const Directory tasks(proc, pid + "/task");
      for (const std::string& tid : tasks.numbered("", kProcessesMax)) {
        if (tid == pid) continue;
        if (const auto thread = read_stat(tasks, tid + "/stat"))
          ++thread_states[static_cast<size_t>(thread->state) % thread_states.size()];
      }
    }
    add_sample(add_gauge(out, "node_processes_max_processes", "How many processes there may be."), *pid_max);
    add_sample(add_gauge(out, "node_processes_max_threads", "How many threads there may be."), *threads_max);
    add_sample(add_gauge(out, "node_processes_pids", "Processes."), static_cast<double>(processes));
    add_states(add_gauge(out, "node_processes_state", "Processes by state, as ps(1) shows it."), "state",
               process_states);
    add_sample(add_gauge(out, "node_processes_threads", "Threads of all processes."), static_cast<double>(threads));
    add_states(add_gauge(out, "node_processes_threads_state", "Threads by state, as ps(1) shows it."), "thread_state",
               thread_states);
    return {};
  }

 private:
  const std::string path_;
};

}  // namespace

CollectorResult make_processes(const CollectorConfig& config) { return std::make_unique<Processes>(config); }

}  // namespace tidemark::exporter
