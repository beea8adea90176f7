#include "exporter/process/process_files.h"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <limits>

#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

constexpr uint64_t kKernelThread = 0x0020'0000;  // PF_KTHREAD of include/linux/sched.h, part of the flags in stat.
constexpr size_t kOpenFilesCounted = 65'536;     // On kernels where a directory has to be walked to count them.

// The word behind `key` at the beginning of a line; "" when there is no such line.
std::string_view word_of(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    std::string_view line = next_line(text);
    if (!line.starts_with(key)) continue;
    line.remove_prefix(key.size());
    return next_word(line);
  }
  return {};
}

}  // namespace

std::optional<ProcessStat> parse_process_stat(std::string_view text) {
  // "27 (a name) S 1 ...": a name may hold any character, parentheses too, so the last one ends it.
  const size_t name_begin = text.find('(');
  const size_t name_end = text.rfind(')');
  if (name_begin == text.npos || name_end == text.npos || name_end < name_begin) return std::nullopt;
  ProcessStat out;
  out.name = text.substr(name_begin + 1, name_end - name_begin - 1);
  std::string_view rest = trimmed(text.substr(name_end + 1));
  const std::string_view state = next_word(rest);
  if (state.size() != 1) return std::nullopt;
  out.state = state[0];
  uint64_t flags = 0;
  // By column, as proc(5) numbers them; the state is the third.
  const std::pair<int, uint64_t*> wanted[] = {{9, &flags},
                                              {10, &out.minor_faults},
                                              {12, &out.major_faults},
                                              {14, &out.user_ticks},
                                              {15, &out.system_ticks},
                                              {20, &out.threads},
                                              {22, &out.start_ticks},
                                              {23, &out.virtual_bytes},
                                              {24, &out.resident_pages}};
  int column = 3;
  for (const auto& [at, target] : wanted) {
    while (++column < at) next_word(rest);
    const auto value = to_u64(next_word(rest));
    if (!value) return std::nullopt;
    *target = *value;
  }
  out.kernel_thread = (flags & kKernelThread) != 0;
  return out;
}

ProcessFiles::ProcessFiles(const Directory& proc) : proc_(proc) {
  // This process has open files, so a size of zero means that sizes do not tell.
  const std::string own_files = proc.path() + "/self/fd";
  struct stat own {};
  struct statfs where {};
  sizes_tell_ = ::statfs(own_files.c_str(), &where) == 0 && where.f_type == PROC_SUPER_MAGIC &&
                ::stat(own_files.c_str(), &own) == 0 && own.st_size > 0;
}

std::optional<std::string_view> ProcessFiles::read(const std::string& pid, const char* file) {
  path_.assign(pid).append("/").append(file);
  return proc_.read(path_, buffer_);
}

std::optional<ProcessStat> ProcessFiles::stat(const std::string& pid) {
  const auto text = read(pid, "stat");
  return text ? parse_process_stat(*text) : std::nullopt;
}

std::optional<ProcessIo> ProcessFiles::io(const std::string& pid) {
  const auto text = read(pid, "io");
  if (!text) return std::nullopt;
  const auto read_bytes = to_u64(word_of(*text, "read_bytes:"));
  const auto write_bytes = to_u64(word_of(*text, "write_bytes:"));
  if (!read_bytes || !write_bytes) return std::nullopt;
  return ProcessIo{*read_bytes, *write_bytes};
}

std::optional<ProcessStatus> ProcessFiles::status(const std::string& pid) {
  const auto text = read(pid, "status");
  if (!text) return std::nullopt;
  const auto voluntary = to_u64(word_of(*text, "voluntary_ctxt_switches:"));
  const auto nonvoluntary = to_u64(word_of(*text, "nonvoluntary_ctxt_switches:"));
  if (!voluntary || !nonvoluntary) return std::nullopt;
  const auto swapped_kb = to_u64(word_of(*text, "VmSwap:"));  // Kernel threads have none.
  return ProcessStatus{swapped_kb.value_or(0) * 1'024, *voluntary, *nonvoluntary};
}

std::optional<std::string> ProcessFiles::cgroup(const std::string& pid) {
  const auto text = read(pid, "cgroup");
  if (!text) return std::nullopt;
  // "4:memory:/a", "1:name=systemd:/b", "0::/c": the last is the unified one, and "/" where it is mounted but not used.
  std::optional<std::string> out;
  for (std::string_view rest = *text; !rest.empty();) {
    const std::string_view line = next_line(rest);
    const size_t first = line.find(':');
    const size_t second = first == line.npos ? line.npos : line.find(':', first + 1);
    if (second == line.npos) continue;
    const std::string_view hierarchy = line.substr(first + 1, second - first - 1);
    const std::string_view path = line.substr(second + 1);
    if (hierarchy == "name=systemd" || (hierarchy.empty() && (path != "/" || !out))) out = path;
  }
  return out;
}

std::optional<uint32_t> ProcessFiles::user(const std::string& pid) {
  struct stat it {};
  if (::stat((proc_.path() + "/" + pid).c_str(), &it) != 0) return std::nullopt;
  return it.st_uid;
}

std::optional<uint64_t> ProcessFiles::open_files(const std::string& pid) {
  path_.assign(pid).append("/fd");
  if (sizes_tell_) {
    struct stat it {};
    if (::stat((proc_.path() + "/" + path_).c_str(), &it) != 0) return std::nullopt;
    return static_cast<uint64_t>(it.st_size);
  }
  const Directory files(proc_, path_);
  if (!files.exists()) return std::nullopt;
  return files.names(kOpenFilesCounted).size();
}

std::optional<double> ProcessFiles::open_files_max(const std::string& pid) {
  const auto text = read(pid, "limits");
  if (!text) return std::nullopt;
  const std::string_view soft = word_of(*text, "Max open files");
  if (soft == "unlimited") return std::numeric_limits<double>::infinity();
  const auto value = to_u64(soft);
  if (!value) return std::nullopt;
  return static_cast<double>(*value);
}

}  // namespace tidemark::exporter
