#include "exporter/cgroup/cgroup_metrics.h"

#include <algorithm>

#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

constexpr double kMicroseconds = 1e6;
constexpr size_t kInterfacesMax = 64;  // Of one namespace.

// The six labels and one more, in the order of their names, as all families have them.
std::array<Label, 7> with(const CgroupLabels& who, std::string_view name, std::string_view value) {
  std::array<Label, 7> out = {{{name, value},
                               {"container", who.container},
                               {"id", who.id},
                               {"image", who.image},
                               {"name", who.name},
                               {"namespace", who.pod_namespace},
                               {"pod", who.pod}}};
  std::sort(out.begin(), out.end(), [](const Label& a, const Label& b) { return a.name < b.name; });
  return out;
}

// The value behind `key` in a table of "key value" lines.
std::optional<double> value_of(std::string_view table, std::string_view key) {
  while (!table.empty()) {
    std::string_view line = next_line(table);
    if (next_word(line) == key) return to_double(trimmed(line));
  }
  return std::nullopt;
}

// Of a file that says "max" where there is no limit.
double limit_of(const Directory& cgroup, const std::string& file) { return cgroup.number(file).value_or(0); }

void add_if(Family& family, const std::optional<double>& v, const LabelSet& labels, double divisor = 1) {
  if (v) add_sample(family, *v / divisor, labels);
}

}  // namespace

CgroupMetrics::CgroupMetrics(Families& out, const std::string& sysfs)
    : out_(out),
      block_devices_(sysfs + "/dev/block"),
      cpu_usage_(add_counter(out, "container_cpu_usage_seconds_total", "CPU time used.")),
      cpu_user_(add_counter(out, "container_cpu_user_seconds_total", "CPU time used outside the kernel.")),
      cpu_system_(add_counter(out, "container_cpu_system_seconds_total", "CPU time used in the kernel.")),
      periods_(add_counter(out, "container_cpu_cfs_periods_total", "Periods of a CPU limit that were looked at.")),
      throttled_periods_(
          add_counter(out, "container_cpu_cfs_throttled_periods_total", "Periods in which the CPU limit was reached.")),
      throttled_seconds_(add_counter(out, "container_cpu_cfs_throttled_seconds_total",
                                     "Time spent waiting because the CPU limit was reached.")),
      quota_(add_gauge(out, "container_spec_cpu_quota", "Microseconds of CPU time allowed in each period.")),
      period_(add_gauge(out, "container_spec_cpu_period", "Microseconds of a period of the CPU limit.")),
      memory_usage_(add_gauge(out, "container_memory_usage_bytes", "Memory in use, caches included.")),
      memory_max_usage_(add_gauge(out, "container_memory_max_usage_bytes", "Most memory that was ever in use.")),
      working_set_(add_gauge(out, "container_memory_working_set_bytes",
                             "Memory in use without file pages nobody used of late.")),
      rss_(add_gauge(out, "container_memory_rss", "Bytes of anonymous memory.")),
      cache_(add_gauge(out, "container_memory_cache", "Bytes of file pages.")),
      swap_(add_gauge(out, "container_memory_swap", "Bytes in swap.")),
      memory_limit_(add_gauge(out, "container_spec_memory_limit_bytes", "The memory limit; 0: none.")),
      oom_events_(add_counter(out, "container_oom_events_total", "Processes killed for want of memory.")),
      reads_(add_counter(out, "container_fs_reads_total", "Reads from a block device.")),
      read_bytes_(add_counter(out, "container_fs_reads_bytes_total", "Bytes read from a block device.")),
      writes_(add_counter(out, "container_fs_writes_total", "Writes to a block device.")),
      write_bytes_(add_counter(out, "container_fs_writes_bytes_total", "Bytes written to a block device.")),
      threads_(add_gauge(out, "container_threads", "Threads.")),
      threads_max_(add_gauge(out, "container_threads_max", "How many threads there may be; 0: no limit.")),
      cpu_waiting_(add_counter(out, "container_pressure_cpu_waiting_seconds_total",
                               "Time in which something waited for a CPU.")),
      cpu_stalled_(add_counter(out, "container_pressure_cpu_stalled_seconds_total",
                               "Time in which everything waited for a CPU.")),
      memory_waiting_(add_counter(out, "container_pressure_memory_waiting_seconds_total",
                                  "Time in which something waited for memory.")),
      memory_stalled_(add_counter(out, "container_pressure_memory_stalled_seconds_total",
                                  "Time in which everything waited for memory.")),
      io_waiting_(
          add_counter(out, "container_pressure_io_waiting_seconds_total", "Time in which something waited for I/O.")),
      io_stalled_(
          add_counter(out, "container_pressure_io_stalled_seconds_total", "Time in which everything waited for I/O.")),
      network_{
          &add_counter(out, "container_network_receive_bytes_total", "Bytes received."),
          &add_counter(out, "container_network_receive_packets_total", "Packets received."),
          &add_counter(out, "container_network_receive_errors_total", "Packets received with errors."),
          &add_counter(out, "container_network_receive_packets_dropped_total", "Packets received and dropped."),
          &add_counter(out, "container_network_transmit_bytes_total", "Bytes sent."),
          &add_counter(out, "container_network_transmit_packets_total", "Packets sent."),
          &add_counter(out, "container_network_transmit_errors_total", "Packets that could not be sent."),
          &add_counter(out, "container_network_transmit_packets_dropped_total", "Packets dropped on the way out.")} {}

void CgroupMetrics::add(const Directory& cgroup, const CgroupLabels& who) {
  const LabelSet labels = out_.add_labels({{"container", who.container},
                                           {"id", who.id},
                                           {"image", who.image},
                                           {"name", who.name},
                                           {"namespace", who.pod_namespace},
                                           {"pod", who.pod}});
  add_cpu(cgroup, who, labels);
  add_memory(cgroup, labels);
  add_io(cgroup, who);
  add_pids(cgroup, labels);
  add_pressure(cgroup, "cpu.pressure", cpu_waiting_, cpu_stalled_, labels);
  add_pressure(cgroup, "memory.pressure", memory_waiting_, memory_stalled_, labels);
  add_pressure(cgroup, "io.pressure", io_waiting_, io_stalled_, labels);
}

void CgroupMetrics::add_cpu(const Directory& cgroup, const CgroupLabels& who, const LabelSet& labels) {
  const auto text = cgroup.read("cpu.stat", buffer_);
  if (!text) return;
  if (const auto usage = value_of(*text, "usage_usec"))
    cpu_usage_.add(*usage / kMicroseconds, with(who, "cpu", "total"));
  add_if(cpu_user_, value_of(*text, "user_usec"), labels, kMicroseconds);
  add_if(cpu_system_, value_of(*text, "system_usec"), labels, kMicroseconds);
  // "150000 100000": time allowed in each period; "max 100000": no limit, whose counters are all zero.
  std::array<char, 64> limit_buffer;
  const auto limit = cgroup.read("cpu.max", limit_buffer);
  if (!limit) return;
  std::string_view rest = trimmed(*limit);
  const auto quota = to_double(next_word(rest));
  const auto period = to_double(next_word(rest));
  if (!quota || !period) return;
  add_sample(quota_, *quota, labels);
  add_sample(period_, *period, labels);
  add_if(periods_, value_of(*text, "nr_periods"), labels);
  add_if(throttled_periods_, value_of(*text, "nr_throttled"), labels);
  add_if(throttled_seconds_, value_of(*text, "throttled_usec"), labels, kMicroseconds);
}

void CgroupMetrics::add_memory(const Directory& cgroup, const LabelSet& labels) {
  const auto usage = cgroup.number("memory.current");
  if (!usage) return;
  add_sample(memory_usage_, *usage, labels);
  add_if(memory_max_usage_, cgroup.number("memory.peak"), labels);
  add_if(swap_, cgroup.number("memory.swap.current"), labels);
  add_sample(memory_limit_, limit_of(cgroup, "memory.max"), labels);
  if (const auto text = cgroup.read("memory.stat", buffer_)) {
    add_if(rss_, value_of(*text, "anon"), labels);
    add_if(cache_, value_of(*text, "file"), labels);
    if (const auto inactive = value_of(*text, "inactive_file"))
      add_sample(working_set_, std::max(0.0, *usage - *inactive), labels);
  }
  if (const auto text = cgroup.read("memory.events", buffer_)) add_if(oom_events_, value_of(*text, "oom_kill"), labels);
}

void CgroupMetrics::add_io(const Directory& cgroup, const CgroupLabels& who) {
  const auto text = cgroup.read("io.stat", buffer_);
  if (!text) return;
  // "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6"; a device that was not used has its number only.
  const std::pair<std::string_view, Family*> wanted[] = {
      {"rbytes=", &read_bytes_}, {"wbytes=", &write_bytes_}, {"rios=", &reads_}, {"wios=", &writes_}};
  for (std::string_view rest = *text; !rest.empty();) {
    std::string_view line = next_line(rest);
    const std::string_view number = next_word(line);
    std::string device;
    for (std::string_view word = next_word(line); !word.empty(); word = next_word(line)) {
      for (const auto& [key, family] : wanted) {
        if (!word.starts_with(key)) continue;
        const auto value = to_u64(word.substr(key.size()));
        if (!value) continue;
        if (device.empty()) device = device_name(number);
        family->add(static_cast<double>(*value), with(who, "device", device));
      }
    }
  }
}

std::string CgroupMetrics::device_name(std::string_view number) {
  const auto known = device_names_.find(number);
  if (known != device_names_.end()) return known->second;
  const std::string name = block_devices_.link_name(std::string(number));
  return device_names_.emplace(number, name.empty() ? std::string(number) : "/dev/" + name).first->second;
}

void CgroupMetrics::add_pids(const Directory& cgroup, const LabelSet& labels) {
  const auto threads = cgroup.number("pids.current");
  if (!threads) return;
  add_sample(threads_, *threads, labels);
  add_sample(threads_max_, limit_of(cgroup, "pids.max"), labels);
}

void CgroupMetrics::add_pressure(const Directory& cgroup, const char* file, Family& waiting, Family& stalled,
                                 const LabelSet& labels) {
  const auto text = cgroup.read(file, buffer_);
  if (!text) return;
  // "some avg10=0.00 avg60=0.00 avg300=0.00 total=123", and a line "full" of that form.
  for (std::string_view rest = *text; !rest.empty();) {
    std::string_view line = next_line(rest);
    Family& family = next_word(line) == "full" ? stalled : waiting;
    const size_t at = line.find("total=");
    if (at == line.npos) continue;
    const auto total = to_u64(trimmed(line.substr(at + 6)));
    if (total) add_sample(family, static_cast<double>(*total) / kMicroseconds, labels);
  }
}

void CgroupMetrics::add_network(std::string_view net_dev, const CgroupLabels& who) {
  // Two lines of titles, then "eth0: bytes packets errs drop fifo frame compressed multicast", and for transmit the
  // first four of eight further columns.
  constexpr size_t kReceiveColumns = 8;
  size_t shown = 0;
  for (int number = 1; !net_dev.empty() && shown < kInterfacesMax; ++number) {
    const std::string_view line = next_line(net_dev);
    const size_t colon = line.rfind(':');
    if (number <= 2 || colon == line.npos) continue;
    const std::string_view interface = trimmed(line.substr(0, colon));
    if (interface == "lo") continue;
    std::array<double, 2 * kReceiveColumns> columns;
    std::string_view words = line.substr(colon + 1);
    const bool whole = std::all_of(columns.begin(), columns.end(), [&](double& column) {
      const auto value = to_u64(next_word(words));
      column = static_cast<double>(value.value_or(0));
      return value.has_value();
    });
    if (!whole) continue;
    ++shown;
    const auto labels = with(who, "interface", interface);
    for (size_t i = 0; i < network_.size(); ++i) network_[i]->add(columns[i < 4 ? i : kReceiveColumns + i - 4], labels);
  }
}

}  // namespace tidemark::exporter
