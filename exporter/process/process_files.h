// What /proc says about one process in files that are cheap to read: the kernel answers each from what it has at hand.
// Not read are smaps and smaps_rollup, for which it walks the page tables of the process and holds up its mmap calls
// (seconds for a large one), and anything of single threads. Formats: proc(5).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "exporter/directory.h"

namespace tidemark::exporter {

struct ProcessStat {
  std::string name;  // As the kernel keeps it: 15 bytes at most, and any bytes.
  char state = 0;    // "R", "S", "D", "Z", ...
  bool kernel_thread = false;
  uint64_t minor_faults = 0;
  uint64_t major_faults = 0;
  uint64_t user_ticks = 0;  // Of sysconf(_SC_CLK_TCK) a second.
  uint64_t system_ticks = 0;
  uint64_t threads = 0;
  uint64_t start_ticks = 0;  // Since boot. With the pid it is the identity of the process.
  uint64_t virtual_bytes = 0;
  uint64_t resident_pages = 0;
};

// `text` of /proc/<pid>/stat; nothing when it is not whole.
std::optional<ProcessStat> parse_process_stat(std::string_view text);

struct ProcessIo {
  uint64_t read_bytes = 0;  // That storage had to deliver or take.
  uint64_t write_bytes = 0;
};

struct ProcessStatus {
  uint64_t swapped_bytes = 0;
  uint64_t voluntary_switches = 0;  // Of context.
  uint64_t nonvoluntary_switches = 0;
};

// Reads files of processes below `proc`, which is constant meanwhile. What is absent or unreadable is nothing:
// processes end while they are looked at, and others' io and fd need CAP_SYS_PTRACE. One thread.
class ProcessFiles {
 public:
  explicit ProcessFiles(const Directory& proc);

  std::optional<ProcessStat> stat(const std::string& pid);
  std::optional<ProcessIo> io(const std::string& pid);
  std::optional<ProcessStatus> status(const std::string& pid);
  // Its path in the unified hierarchy, else in systemd's own: "/system.slice/cron.service".
  std::optional<std::string> cgroup(const std::string& pid);
  std::optional<uint32_t> user(const std::string& pid);  // The effective one.
  std::optional<uint64_t> open_files(const std::string& pid);
  std::optional<double> open_files_max(const std::string& pid);  // The soft limit; +Inf when there is none.

 private:
  std::optional<std::string_view> read(const std::string& pid, const char* file);

  const Directory& proc_;
  bool sizes_tell_ = false;  // The size of a directory fd/ is the number of open files, as it is since Linux 6.2.
  std::array<char, 8'192> buffer_;  // Masks of CPUs make status longer than a page on the largest hosts.
  std::string path_;
};

}  // namespace tidemark::exporter
