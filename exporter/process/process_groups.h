// ProcessGroups: what processes use, added up by group, and which groups use most of it.
//
//   groups.begin(now_ns);
//   for each process: groups.add(pid, stat, io, "nginx");
//   groups.finish();
//   for each of groups.shown(): for each of its pids: groups.add_switches(pid, status);
//
// A group's counters are what its processes used since we look, those that have ended included: of each process the
// growth since it was last seen is added, and all it has when it began after we did. So they never step back, wherever
// processes come, end, or change their name, and go on from where they were when a group returns to the top.
//
// The top: the `top` groups with most CPU time, the `top` with most I/O (both as averages over the last minutes, so
// that one busy moment does not push out what is busy all the time), and the `top` with most memory. A group that
// leaves it is shown for `linger_ns` longer, since each series that ends and begins costs the server one; at most six
// times `top` groups are shown altogether. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "exporter/process/process_files.h"

namespace tidemark::exporter {

enum class ProcessCount : uint8_t {
  kUserTicks,
  kSystemTicks,
  kMinorFaults,
  kMajorFaults,
  kReadBytes,
  kWriteBytes,
  kVoluntarySwitches,
  kNonvoluntarySwitches
};
constexpr size_t kProcessCounts = 8;

struct ProcessCounts {
  uint64_t& operator[](ProcessCount what) { return values[static_cast<size_t>(what)]; }
  uint64_t operator[](ProcessCount what) const { return values[static_cast<size_t>(what)]; }
  std::array<uint64_t, kProcessCounts> values{};
};

struct ProcessGroup {
  ProcessCounts counts;  // Since we look.
  // As of this scan.
  std::vector<std::string> pids;
  uint64_t threads = 0;
  uint64_t virtual_bytes = 0;
  uint64_t resident_pages = 0;
  uint64_t oldest_start_ticks = 0;
  std::array<uint64_t, 5> states{};  // By kProcessStates.

 private:
  friend class ProcessGroups;
  ProcessCounts scan_start;  // `counts` as they were at begin().
  double ticks_rate = 0;     // Averages, a second.
  double bytes_rate = 0;
  int64_t last_used_ns = 0;  // When it had a process.
  int64_t last_top_ns = 0;
  bool was_top = false;
};

constexpr std::array<std::string_view, 5> kProcessStates = {"Running", "Sleeping", "Waiting", "Zombie", "Other"};

class ProcessGroups {
 public:
  static constexpr size_t kProcessesMax = 131'072;
  static constexpr size_t kGroupsMax = 10'000;

  struct Limits {
    size_t top = 10;
    int64_t linger_ns = 0;
  };
  explicit ProcessGroups(Limits limits) : limits_(limits) {}

  // Begins a scan. `uptime_ticks` tells which processes are older than we are, and how old; it is used once.
  void begin(int64_t now_ns, uint64_t uptime_ticks);
  void add(const std::string& pid, const ProcessStat& stat, const std::optional<ProcessIo>& io,
           const std::string& group);
  void finish();
  void add_switches(const std::string& pid, const ProcessStatus& status);

  using Group = std::pair<const std::string, ProcessGroup>;
  const std::vector<const Group*>& shown() const { return shown_; }  // By name; until the next begin().
  size_t size() const { return groups_.size(); }
  uint64_t processes() const { return processes_seen_; }
  uint64_t dropped_processes() const { return dropped_; }         // Of this scan: over one of the limits.
  const ProcessCounts& hidden_counts() const { return hidden_; }  // Used by groups while they were not shown.

 private:
  struct Process {
    uint64_t start_ticks = 0;
    uint64_t scan = 0;
    ProcessGroup* group = nullptr;
    ProcessCounts counts;
    bool io_known = false;
    bool switches_known = false;
  };

  // Adds to the group what `what` has grown by to `now`.
  void count(Process& process, ProcessCount what, uint64_t now, bool known);
  void forget_ended();
  void update_rates();
  void choose();

  const Limits limits_;
  std::map<std::string, ProcessGroup, std::less<>> groups_;
  std::unordered_map<std::string, Process> processes_;  // By pid.
  std::vector<const Group*> shown_;
  std::vector<Group*> ranking_;
  uint64_t scan_ = 0;
  uint64_t first_ticks_ = 0;  // Uptime when we began to look.
  int64_t now_ns_ = 0;
  int64_t before_ns_ = 0;  // When the scan before began.
  uint64_t processes_seen_ = 0;
  uint64_t dropped_ = 0;
  ProcessCounts hidden_;
};

}  // namespace tidemark::exporter
