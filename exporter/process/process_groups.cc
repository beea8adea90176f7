#include "exporter/process/process_groups.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>

namespace tidemark::exporter {
namespace {

using enum ProcessCount;

constexpr double kHalfLifeSeconds = 60;  // Of what an average remembers.
constexpr size_t kShownPerTop = 6;       // Three tops, and as many again that linger.

size_t state_index(char state) {
  switch (state) {
    case 'R':
      return 0;
    case 'S':
      return 1;
    case 'D':
      return 2;
    case 'Z':
      return 3;
    default:
      return 4;
  }
}

}  // namespace

void ProcessGroups::begin(int64_t now_ns, uint64_t uptime_ticks) {
  before_ns_ = now_ns_;
  now_ns_ = now_ns;
  if (++scan_ == 1) first_ticks_ = uptime_ticks;
  processes_seen_ = 0;
  dropped_ = 0;
  shown_.clear();
  for (auto& [name, group] : groups_) {
    group.scan_start = group.counts;
    group.pids.clear();
    group.threads = group.virtual_bytes = group.resident_pages = group.oldest_start_ticks = 0;
    group.states = {};
  }
}

void ProcessGroups::count(Process& process, ProcessCount what, uint64_t now, bool known) {
  uint64_t& before = process.counts[what];
  if (known) {
    // CPU times are estimates and may step back by a tick.
    if (now <= before) return;
    process.group->counts[what] += now - before;
  } else if (process.start_ticks > first_ticks_) {
    process.group->counts[what] += now;
  }
  before = now;
}

void ProcessGroups::add(const std::string& pid, const ProcessStat& stat, const std::optional<ProcessIo>& io,
                        const std::string& group_name) {
  ++processes_seen_;
  auto found = processes_.find(pid);
  if (found != processes_.end() && found->second.start_ticks != stat.start_ticks) {  // Another one of that number.
    processes_.erase(found);
    found = processes_.end();
  }
  auto group = groups_.find(group_name);
  if ((found == processes_.end() && processes_.size() >= kProcessesMax) ||
      (group == groups_.end() && groups_.size() >= kGroupsMax)) {
    ++dropped_;
    return;
  }
  if (group == groups_.end()) group = groups_.try_emplace(group_name).first;
  const bool known = found != processes_.end();
  if (!known) found = processes_.try_emplace(pid).first;
  Process& process = found->second;
  ProcessGroup& to = group->second;
  process.group = &to;
  process.scan = scan_;
  process.start_ticks = stat.start_ticks;
  count(process, kUserTicks, stat.user_ticks, known);
  count(process, kSystemTicks, stat.system_ticks, known);
  count(process, kMinorFaults, stat.minor_faults, known);
  count(process, kMajorFaults, stat.major_faults, known);
  if (io) {
    count(process, kReadBytes, io->read_bytes, process.io_known);
    count(process, kWriteBytes, io->write_bytes, process.io_known);
    process.io_known = true;
  }
  if (scan_ == 1 && first_ticks_ > stat.start_ticks) {  // Before there is a second scan: averages over their lives.
    const double age =
        static_cast<double>(first_ticks_ - stat.start_ticks) / static_cast<double>(::sysconf(_SC_CLK_TCK));
    to.ticks_rate += static_cast<double>(stat.user_ticks + stat.system_ticks) / age;
    if (io) to.bytes_rate += static_cast<double>(io->read_bytes + io->write_bytes) / age;
  }
  to.last_used_ns = now_ns_;
  if (to.pids.empty() || stat.start_ticks < to.oldest_start_ticks) to.oldest_start_ticks = stat.start_ticks;
  to.pids.push_back(pid);
  to.threads += stat.threads;
  to.virtual_bytes += stat.virtual_bytes;
  to.resident_pages += stat.resident_pages;
  ++to.states[state_index(stat.state)];
}

void ProcessGroups::finish() {
  forget_ended();
  update_rates();
  choose();
  for (auto& [name, group] : groups_) {
    if (group.was_top) continue;
    for (size_t i = 0; i < kProcessCounts; ++i)
      hidden_.values[i] += group.counts.values[i] - group.scan_start.values[i];
  }
}

void ProcessGroups::forget_ended() {
  std::erase_if(processes_, [&](const auto& one) { return one.second.scan != scan_; });
  std::erase_if(groups_, [&](const auto& one) {
    return one.second.pids.empty() && !one.second.was_top && now_ns_ - one.second.last_used_ns >= limits_.linger_ns;
  });
}

void ProcessGroups::update_rates() {
  const double seconds = static_cast<double>(now_ns_ - before_ns_) / 1e9;
  if (scan_ == 1 || seconds <= 0) return;
  const double weight = 1 - std::exp2(-seconds / kHalfLifeSeconds);
  for (auto& [name, group] : groups_) {
    const auto grown = [&group = group](ProcessCount what) {
      return static_cast<double>(group.counts[what] - group.scan_start[what]);
    };
    group.ticks_rate += weight * ((grown(kUserTicks) + grown(kSystemTicks)) / seconds - group.ticks_rate);
    group.bytes_rate += weight * ((grown(kReadBytes) + grown(kWriteBytes)) / seconds - group.bytes_rate);
  }
}

void ProcessGroups::choose() {
  const auto mark_top = [&](const auto& measure) {
    ranking_.clear();
    for (Group& one : groups_) {
      if (measure(one.second) > 0) ranking_.push_back(&one);
    }
    const size_t count = std::min(limits_.top, ranking_.size());
    std::partial_sort(ranking_.begin(), ranking_.begin() + static_cast<ptrdiff_t>(count), ranking_.end(),
                      [&](const Group* a, const Group* b) {
                        const double x = measure(a->second), y = measure(b->second);
                        return x != y ? x > y : a->first < b->first;
                      });
    for (size_t i = 0; i < count; ++i) {
      ranking_[i]->second.was_top = true;
      ranking_[i]->second.last_top_ns = now_ns_;
    }
  };
  mark_top([](const ProcessGroup& group) { return group.pids.empty() ? 0.0 : group.ticks_rate; });
  mark_top([](const ProcessGroup& group) { return group.pids.empty() ? 0.0 : group.bytes_rate; });
  mark_top([](const ProcessGroup& group) { return static_cast<double>(group.resident_pages); });

  ranking_.clear();
  for (Group& one : groups_) {
    ProcessGroup& group = one.second;
    if (group.was_top && now_ns_ - group.last_top_ns > limits_.linger_ns) group.was_top = false;
    if (group.was_top) ranking_.push_back(&one);
  }
  // More than may be shown: those that left the top first go first.
  std::stable_sort(ranking_.begin(), ranking_.end(),
                   [](const Group* a, const Group* b) { return a->second.last_top_ns > b->second.last_top_ns; });
  const size_t shown_max = kShownPerTop * limits_.top;
  for (size_t i = shown_max; i < ranking_.size(); ++i) ranking_[i]->second.was_top = false;
  if (ranking_.size() > shown_max) ranking_.resize(shown_max);
  shown_.assign(ranking_.begin(), ranking_.end());
  std::sort(shown_.begin(), shown_.end(), [](const Group* a, const Group* b) { return a->first < b->first; });
}

void ProcessGroups::add_switches(const std::string& pid, const ProcessStatus& status) {
  const auto found = processes_.find(pid);
  if (found == processes_.end()) return;
  count(found->second, kVoluntarySwitches, status.voluntary_switches, found->second.switches_known);
  count(found->second, kNonvoluntarySwitches, status.nonvoluntary_switches, found->second.switches_known);
  found->second.switches_known = true;
}

}  // namespace tidemark::exporter
