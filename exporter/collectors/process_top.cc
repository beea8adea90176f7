// The groups of processes that use most CPU time, memory and I/O, under the names of process-exporter, so that its
// dashboards and alerts work: namedprocess_namegroup_*{groupname}. Of every process stat and io are read, the rest of
// those that are shown only; see process/process_files.h for what is not read and process/process_groups.h for what
// becomes of a group that leaves the top. Not there are the metrics of single threads (namedprocess_namegroup_thread*)
// and memory by smaps (memtype "proportional..."): neither is cheap.
#include <fmt/format.h>
#include <unistd.h>

#include "exporter/collectors/collectors.h"
#include "exporter/deadline.h"
#include "exporter/device_metrics.h"
#include "exporter/process/process_groups.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

constexpr size_t kDeadlineEvery = 64;  // Processes between two looks at the clock.
constexpr int64_t kTopMax = 1'000;
constexpr std::string_view kKernelGroup = "[kernel]";  // All its threads: each CPU has some.

enum class Part : uint8_t { kName, kCgroup, kUser };

Result<std::vector<Part>> parse_parts(std::string_view text) {
  std::vector<Part> out;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    const std::string_view word = text.substr(at, end - at);
    if (word == "name") {
      out.push_back(Part::kName);
    } else if (word == "cgroup") {
      out.push_back(Part::kCgroup);
    } else if (word == "user") {
      out.push_back(Part::kUser);
    } else {
      return fail(
          Status::invalid(fmt::format("--collector.process_top.group-by: \"{}\" is none of name, cgroup, user", word)));
    }
    at = end + 1;
  }
  return out;
}

// Users' names by number, from the host's passwd(5). A directory service is not asked: it may not answer.
using UserNames = std::unordered_map<uint32_t, std::string>;

UserNames parse_passwd(std::string_view text) {
  UserNames out;
  while (!text.empty()) {  // "name:x:1000:..."
    const std::string_view line = next_line(text);
    const size_t name_end = line.find(':');
    const size_t password_end = name_end == line.npos ? line.npos : line.find(':', name_end + 1);
    if (password_end == line.npos) continue;
    const std::string_view number = line.substr(password_end + 1);
    if (const auto user = to_u64(number.substr(0, number.find(':')))) {
      out.try_emplace(static_cast<uint32_t>(*user), line.substr(0, name_end));
    }
  }
  return out;
}

std::optional<double> boot_time(std::string_view stat) {
  while (!stat.empty()) {
    std::string_view line = next_line(stat);
    if (next_word(line) != "btime") continue;
    return to_double(trimmed(line));
  }
  return std::nullopt;
}

class ProcessTop final : public Collector {
 public:
  ProcessTop(const CollectorConfig& config, std::vector<Part> parts, NameFilter filter)
      : procfs_(config.procfs),
        passwd_(host_path(config, "/etc/passwd")),
        clock_(*config.clock),
        parts_(std::move(parts)),
        filter_(std::move(filter)),
        groups_({static_cast<size_t>(config.process_top.count), config.process_top.linger_ms * 1'000'000}) {}

  Status collect(ScrapeContext& context, Families& out) override {
    const auto stat = context.read_kept(procfs_ + "/stat");
    if (!stat) return stat.error();
    const auto boot_seconds = boot_time(*stat);
    if (!boot_seconds) return Status::invalid(procfs_ + "/stat: no \"btime\"");
    const auto uptime = context.read_once(procfs_ + "/uptime");
    if (!uptime) return uptime.error();
    std::string_view uptime_text = *uptime;
    const auto uptime_seconds = to_double(next_word(uptime_text));
    if (!uptime_seconds) return Status::invalid(procfs_ + "/uptime: no number");
    if (std::find(parts_.begin(), parts_.end(), Part::kUser) != parts_.end()) {
      const auto passwd = context.read_once(passwd_);
      if (passwd) users_ = parse_passwd(*passwd);  // Else what was known, and numbers.
    }

    const Directory proc(procfs_);
    ProcessFiles files(proc);
    groups_.begin(clock_.monotonic_ns(), static_cast<uint64_t>(*uptime_seconds * ticks_per_second_));
    size_t seen = 0;
    for (const std::string& pid : proc.numbered("", ProcessGroups::kProcessesMax)) {
      if (seen++ % kDeadlineEvery == 0) {
        if (const Status status = check_deadline(context); !status.ok()) return status.at(procfs_ + "/" + pid);
      }
      add_process(pid, proc, files);
    }
    groups_.finish();
    show(files, *boot_seconds, out);
    return {};
  }

 private:
  void add_process(const std::string& pid, const Directory& proc, ProcessFiles& files) {
    const auto stat = files.stat(pid);
    if (!stat) {
      if (proc.has(pid)) ++unreadable_;
      return;
    }
    const std::string group = group_name(pid, *stat, files);
    if (!filter_.shows(group)) return;
    std::optional<ProcessIo> io;
    if (!stat->kernel_thread) {
      io = files.io(pid);
      if (!io) ++partly_unreadable_;
    }
    groups_.add(pid, *stat, io, group);
  }

  std::string group_name(const std::string& pid, const ProcessStat& stat, ProcessFiles& files) const {
    if (stat.kernel_thread) return std::string(kKernelGroup);
    std::string out;
    for (const Part part : parts_) {
      if (!out.empty()) out += ':';
      if (part == Part::kName) out += valid_utf8(stat.name);
      if (part == Part::kCgroup) out += valid_utf8(files.cgroup(pid).value_or("unknown"));
      if (part == Part::kUser) {
        const auto user = files.user(pid);
        const auto known = user ? users_.find(*user) : users_.end();
        out += known != users_.end() ? valid_utf8(known->second) : user ? std::to_string(*user) : "unknown";
      }
    }
    return out;
  }

  void show(ProcessFiles& files, double boot_seconds, Families& out) {
    auto& switches = add_counter(out, "namedprocess_namegroup_context_switches_total",
                                 "Context switches of first threads, by whether the process asked for them.");
    auto& cpu = add_counter(out, "namedprocess_namegroup_cpu_seconds_total", "CPU time used since we look.");
    auto& major =
        add_counter(out, "namedprocess_namegroup_major_page_faults_total", "Page faults that had to wait for a disk.");
    auto& memory = add_gauge(out, "namedprocess_namegroup_memory_bytes", "Memory in use, by kind.");
    auto& minor =
        add_counter(out, "namedprocess_namegroup_minor_page_faults_total", "Page faults that needed no disk.");
    auto& processes = add_gauge(out, "namedprocess_namegroup_num_procs", "Processes of the group.");
    auto& threads = add_gauge(out, "namedprocess_namegroup_num_threads", "Threads of the group.");
    auto& oldest = add_gauge(out, "namedprocess_namegroup_oldest_start_time_seconds",
                             "When the oldest process of the group began, in Unix time.");
    auto& open = add_gauge(out, "namedprocess_namegroup_open_filedesc", "File descriptors that are open.");
    auto& read = add_counter(out, "namedprocess_namegroup_read_bytes_total", "Bytes that storage had to deliver.");
    auto& states = add_gauge(out, "namedprocess_namegroup_states", "Processes of the group by state.");
    auto& ratio = add_gauge(out, "namedprocess_namegroup_worst_fd_ratio",
                            "Open descriptors to the limit of the process that is nearest to its own.");
    auto& write = add_counter(out, "namedprocess_namegroup_write_bytes_total", "Bytes that storage had to take.");
    for (const ProcessGroups::Group* one : groups_.shown()) {
      const std::string_view name = one->first;
      const ProcessGroup& group = one->second;
      const Details details = read_details(group, files);
      const LabelSet labels = out.add_labels({{"groupname", name}});
      const auto count = [&](ProcessCount what) { return static_cast<double>(group.counts[what]); };
      add_sample(switches, count(ProcessCount::kNonvoluntarySwitches),
                 {{"ctxswitchtype", "nonvoluntary"}, {"groupname", name}});
      add_sample(switches, count(ProcessCount::kVoluntarySwitches),
                 {{"ctxswitchtype", "voluntary"}, {"groupname", name}});
      add_sample(cpu, count(ProcessCount::kSystemTicks) / ticks_per_second_, {{"groupname", name}, {"mode", "system"}});
      add_sample(cpu, count(ProcessCount::kUserTicks) / ticks_per_second_, {{"groupname", name}, {"mode", "user"}});
      add_sample(major, count(ProcessCount::kMajorFaults), labels);
      add_sample(memory, static_cast<double>(group.resident_pages) * page_bytes_,
                 {{"groupname", name}, {"memtype", "resident"}});
      add_sample(memory, static_cast<double>(details.swapped_bytes), {{"groupname", name}, {"memtype", "swapped"}});
      add_sample(memory, static_cast<double>(group.virtual_bytes), {{"groupname", name}, {"memtype", "virtual"}});
      add_sample(minor, count(ProcessCount::kMinorFaults), labels);
      add_sample(processes, static_cast<double>(group.pids.size()), labels);
      add_sample(threads, static_cast<double>(group.threads), labels);
      if (!group.pids.empty())
        add_sample(oldest, boot_seconds + static_cast<double>(group.oldest_start_ticks) / ticks_per_second_, labels);
      add_sample(open, static_cast<double>(details.open_files), labels);
      add_sample(read, count(ProcessCount::kReadBytes), labels);
      for (size_t i = 0; i < kProcessStates.size(); ++i)
        add_sample(states, static_cast<double>(group.states[i]), {{"groupname", name}, {"state", kProcessStates[i]}});
      add_sample(ratio, details.worst_ratio, labels);
      add_sample(write, count(ProcessCount::kWriteBytes), labels);
    }
    show_ourselves(out);
  }

  struct Details {
    uint64_t swapped_bytes = 0;
    uint64_t open_files = 0;
    double worst_ratio = 0;
  };
  Details read_details(const ProcessGroup& group, ProcessFiles& files) {
    Details out;
    for (const std::string& pid : group.pids) {
      if (const auto status = files.status(pid)) {
        out.swapped_bytes += status->swapped_bytes;
        groups_.add_switches(pid, *status);
      }
      const auto open = files.open_files(pid);
      if (!open) continue;
      out.open_files += *open;
      if (const auto max = files.open_files_max(pid); max && *max > 0)
        out.worst_ratio = std::max(out.worst_ratio, static_cast<double>(*open) / *max);
    }
    return out;
  }

  void show_ourselves(Families& out) const {
    add_sample(add_counter(out, "namedprocess_scrape_partial_errors",
                           "Processes, each time something of one could not be read; others' need root."),
               static_cast<double>(partly_unreadable_));
    add_sample(add_counter(out, "namedprocess_scrape_procread_errors", "Processes, each time one could not be read."),
               static_cast<double>(unreadable_));
    add_sample(add_gauge(out, "tidemark_process_top_dropped_processes",
                         "Processes in no group, since there are too many of either."),
               static_cast<double>(groups_.dropped_processes()));
    add_sample(add_gauge(out, "tidemark_process_top_groups", "Groups of processes, shown or not."),
               static_cast<double>(groups_.size()));
    const ProcessCounts& hidden = groups_.hidden_counts();
    auto& hidden_cpu = add_counter(out, "tidemark_process_top_hidden_cpu_seconds_total",
                                   "CPU time that groups used while they were not shown.");
    add_sample(hidden_cpu, static_cast<double>(hidden[ProcessCount::kSystemTicks]) / ticks_per_second_,
               {{"mode", "system"}});
    add_sample(hidden_cpu, static_cast<double>(hidden[ProcessCount::kUserTicks]) / ticks_per_second_,
               {{"mode", "user"}});
  }

  const std::string procfs_;
  const std::string passwd_;
  const Clock& clock_;
  const std::vector<Part> parts_;
  const NameFilter filter_;
  const double ticks_per_second_ = static_cast<double>(::sysconf(_SC_CLK_TCK));
  const double page_bytes_ = static_cast<double>(::sysconf(_SC_PAGESIZE));
  UserNames users_;
  ProcessGroups groups_;
  uint64_t unreadable_ = 0;
  uint64_t partly_unreadable_ = 0;
};

}  // namespace

void declare_process_top_flags(CollectorFlags& flags, CollectorConfig& config) {
  ProcessTopSettings& settings = config.process_top;
  flags.add("process_top.count", &settings.count,
            "How many groups of processes to show of those that use most CPU time, memory, and I/O each.");
  flags.add("process_top.group-by", &settings.group_by,
            "What makes a group: name, cgroup, user, or several of them with commas between.");
  flags.add_filter("process_top.group", &settings.groups, "groups");
  flags.add_duration("process_top.linger", &settings.linger_ms,
                     "How long to show a group that is no longer a top one.");
}

CollectorResult make_process_top(const CollectorConfig& config) {
  if (config.process_top.count < 1 || config.process_top.count > kTopMax)
    return fail(Status::invalid(
        fmt::format("--collector.process_top.count is {}, it must be 1 to {}", config.process_top.count, kTopMax)));
  auto parts = parse_parts(config.process_top.group_by);
  if (!parts) return fail(parts.error());
  auto filter = NameFilter::compile(config.process_top.groups);
  if (!filter) return fail(filter.error());
  return std::make_unique<ProcessTop>(config, std::move(*parts), std::move(*filter));
}

}  // namespace tidemark::exporter
