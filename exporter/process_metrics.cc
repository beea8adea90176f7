#include "exporter/process_metrics.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

#if defined(__x86_64__)
constexpr std::string_view kArchitecture = "amd64";
#elif defined(__aarch64__)
constexpr std::string_view kArchitecture = "arm64";
#else
constexpr std::string_view kArchitecture = "unknown";
#endif

// As Go prints them: "unlimited" is the largest 64-bit number.
double soft_limit(__rlimit_resource resource) {
  rlimit limit{};
  ::getrlimit(resource, &limit);
  return static_cast<double>(limit.rlim_cur);
}

double count_open_descriptors() {
  // Since Linux 6.2 the directory's size is the count.
  struct stat directory {};
  if (::stat("/proc/self/fd", &directory) == 0 && directory.st_size > 0) return static_cast<double>(directory.st_size);
  DIR* dir = ::opendir("/proc/self/fd");
  if (dir == nullptr) return 0;
  double count = 0;
  while (const dirent* entry = ::readdir(dir)) {
    if (entry->d_name[0] != '.') ++count;
  }
  ::closedir(dir);
  return count - 1;  // The directory's own.
}

// The fields of /proc/self/stat behind the command's name, which may hold blanks and brackets; see proc(5).
struct ProcessStat {
  double cpu_seconds = 0;
  double start_ticks = 0;
  double virtual_bytes = 0;
  double resident_bytes = 0;
};

Result<ProcessStat> parse_stat(std::string_view text) {
  const size_t name_end = text.rfind(')');
  if (name_end == text.npos) return fail(Status::invalid("/proc/self/stat: no command name"));
  std::string_view rest = trimmed(text.substr(name_end + 1));
  std::array<double, 25> field{};  // Numbered as in proc(5): the first here is 3.
  for (size_t i = 3; i < field.size(); ++i) field[i] = to_double(next_word(rest)).value_or(0);
  static const double ticks_per_second = static_cast<double>(::sysconf(_SC_CLK_TCK));
  static const double page_bytes = static_cast<double>(::sysconf(_SC_PAGESIZE));
  return ProcessStat{.cpu_seconds = (field[14] + field[15]) / ticks_per_second,
                     .start_ticks = field[22] / ticks_per_second,
                     .virtual_bytes = field[23],
                     .resident_bytes = field[24] * page_bytes};
}

// A column of /proc/net/netstat, which holds pairs of lines: "IpExt: InOctets ..." and "IpExt: 123 ...".
double ip_octets(std::string_view text, std::string_view column) {
  while (!text.empty()) {
    std::string_view names = next_line(text);
    std::string_view values = text.empty() ? std::string_view() : next_line(text);
    if (!names.starts_with("IpExt:")) continue;
    for (auto name = next_word(names); !name.empty(); name = next_word(names)) {
      const std::string_view value = next_word(values);
      if (name == column) return to_double(value).value_or(0);
    }
  }
  return 0;
}

class ProcessMetrics final : public Collector {
 public:
  Status collect(ScrapeContext& context, Families& out) override {
    const auto text = context.read_kept("/proc/self/stat", FileKind::kOnePiece);
    if (!text) return text.error();
    const auto stat = parse_stat(*text);
    if (!stat) return stat.error();
    add_sample(add_counter(out, "process_cpu_seconds_total", "CPU time this process used, in seconds."),
               stat->cpu_seconds);
    add_sample(add_gauge(out, "process_max_fds", "File descriptors this process may have open."),
               soft_limit(RLIMIT_NOFILE));
    add_sample(add_gauge(out, "process_open_fds", "File descriptors this process has open."), count_open_descriptors());
    add_sample(add_gauge(out, "process_resident_memory_bytes", "Memory of this process in RAM."), stat->resident_bytes);
    add_sample(add_gauge(out, "process_virtual_memory_bytes", "Address space of this process."), stat->virtual_bytes);
    add_sample(add_gauge(out, "process_virtual_memory_max_bytes", "Address space this process may have."),
               soft_limit(RLIMIT_AS));
    // By the path netstat reads: /proc/net is a link to this process's.
    if (const auto network = context.read_kept("/proc/net/netstat", FileKind::kOnePiece)) {
      add_sample(add_counter(out, "process_network_receive_bytes_total",
                             "Bytes received in this process's network namespace."),
                 ip_octets(*network, "InOctets"));
      add_sample(
          add_counter(out, "process_network_transmit_bytes_total", "Bytes sent in this process's network namespace."),
          ip_octets(*network, "OutOctets"));
    }
    if (const auto host = context.read_kept("/proc/stat", FileKind::kOnePiece)) {
      std::string_view rest = host->substr(std::min(host->find("\nbtime "), host->size()));
      rest.remove_prefix(std::min<size_t>(rest.size(), 1));
      if (!rest.empty()) {
        std::string_view line = next_line(rest);
        next_word(line);
        add_sample(
            add_gauge(out, "process_start_time_seconds", "When this process started, in seconds since the Unix epoch."),
            to_double(next_word(line)).value_or(0) + stat->start_ticks);
      }
    }
    return {};
  }
};

}  // namespace

void append_build_info(Families& out) {
  // A scraper drops empty labels, but dashboards find the names they group by.
  add_sample(add_gauge(out, "node_exporter_build_info", "The node_exporter whose metrics these are, as labels."), 1,
             {{"branch", "tidemark"},
              {"goarch", kArchitecture},
              {"goos", "linux"},
              {"goversion", ""},
              {"revision", TIDEMARK_VERSION},
              {"tags", ""},
              {"version", kNodeExporterVersion}});
  add_sample(add_gauge(out, "tidemark_build_info", "The version of Tidemark that runs, as a label."), 1,
             {{"version", TIDEMARK_VERSION}});
}

std::unique_ptr<Collector> make_process_metrics() { return std::make_unique<ProcessMetrics>(); }

}  // namespace tidemark::exporter
