// Mounted file systems: what is mounted from /proc/1/mountinfo (proc(5)), how full it is from statfs(2). Where the host
// is seen from a container, its root is mounted somewhere (path.rootfs), and mount points are shown without that
// prefix.
#include <fmt/format.h>
#include <string.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <tuple>

#include "exporter/collectors/collectors.h"
#include "exporter/statfs_pool.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

constexpr size_t kMountsMax = 10'000;
constexpr int64_t kStatfsFlagsValid = 0x20;  // ST_VALID of the kernel's include/linux/statfs.h.

struct Mount {
  std::string device;
  std::string mount_point;
  std::string fs_type;
  std::string major;
  std::string minor;
  bool read_only = false;

  bool operator<(const Mount& other) const {
    return std::tie(mount_point, device, fs_type) < std::tie(other.mount_point, other.device, other.fs_type);
  }
};

// mountinfo writes blanks, newlines and backslashes as "\040".
std::string unescaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  const auto octal = [&](size_t i, char last) { return i < text.size() && text[i] >= '0' && text[i] <= last; };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && octal(i + 1, '3') && octal(i + 2, '7') && octal(i + 3, '7')) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool has_option(std::string_view options, std::string_view wanted) {
  while (!options.empty()) {
    const size_t comma = std::min(options.find(','), options.size());
    if (options.substr(0, comma) == wanted) return true;
    options.remove_prefix(std::min(comma + 1, options.size()));
  }
  return false;
}

// "permission denied": as Go spells errors, and so the label's values.
std::string error_text(int error) {
  std::string text = strerror(error);
  if (text.size() > 1 && !std::isupper(static_cast<unsigned char>(text[1])))
    text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

class Filesystem final : public Collector {
 public:
  Filesystem(const CollectorConfig& config, NameFilter mount_points, NameFilter fs_types)
      : paths_{config.procfs + "/1/mountinfo", config.procfs + "/self/mountinfo"},
        rootfs_(config.rootfs == "/" ? "" : config.rootfs),
        timeout_ns_(config.filesystem.mount_timeout_ms * 1'000'000),
        mount_points_(std::move(mount_points)),
        fs_types_(std::move(fs_types)),
        statfs_(config.statfs_function,
                static_cast<unsigned>(std::clamp<int64_t>(config.filesystem.workers_max, 1, 1'024))) {}

  Status collect(ScrapeContext& context, Families& out) override {
    if (Status status = read_mounts(context); !status.ok()) return status;
    const int64_t deadline_ns = std::min(system_clock().monotonic_ns() + timeout_ns_, context.deadline_monotonic_ns());
    append(mounts_, statfs_.ask(asked_, deadline_ns), out);
    return {};
  }

 private:
  // Mounts change far less often than they are scraped.
  Status read_mounts(ScrapeContext& context) {
    // A container that may not look at process 1 sees at least its own.
    const std::string* path = &paths_[0];
    auto text = context.read_mounts(paths_[0]);
    if (!text) text = context.read_mounts(*(path = &paths_[1]));
    if (!text) return text.error();
    if (*text == text_) return {};
    text_.clear();
    std::set<Mount> seen;
    std::vector<Mount> mounts;
    std::string_view rest = *text;
    for (int number = 1; !rest.empty(); ++number) {
      const std::string_view line = next_line(rest);
      if (line.empty()) continue;
      Mount mount;
      if (!read_line(line, mount))
        return Status::invalid(
            fmt::format("{}:{}: not a line of mountinfo: \"{}\"", *path, number, line.substr(0, 80)));
      if (!mount_points_.shows(mount.mount_point) || !fs_types_.shows(mount.fs_type)) continue;
      if (!seen.insert(mount).second) continue;
      if (mounts.size() >= kMountsMax)
        return Status::limit(fmt::format("{}: more than {} mounts to show", *path, kMountsMax));
      mounts.push_back(std::move(mount));
    }
    mounts_ = std::move(mounts);
    asked_.clear();
    for (const Mount& mount : mounts_) {
      std::string& asked = asked_.emplace_back(rootfs_ + mount.mount_point);
      if (asked.size() > 1 && asked.back() == '/') asked.pop_back();
    }
    text_ = *text;
    return {};
  }

  // "36 35 98:0 /root /mount/point rw,noatime optional... - ext3 /dev/root rw,errors=continue"
  bool read_line(std::string_view line, Mount& mount) const {
    next_word(line);
    next_word(line);
    const std::string_view numbers = next_word(line);
    next_word(line);
    const std::string_view point = next_word(line);
    const std::string_view options = next_word(line);
    std::string_view word;
    do {
      word = next_word(line);
    } while (!word.empty() && word != "-");
    if (word.empty()) return false;
    mount.fs_type = next_word(line);
    mount.device = unescaped(next_word(line));
    const std::string_view super_options = next_word(line);
    const size_t colon = numbers.find(':');
    if (mount.fs_type.empty() || colon == numbers.npos || point.empty()) return false;
    mount.major = numbers.substr(0, colon);
    mount.minor = numbers.substr(colon + 1);
    mount.mount_point = unescaped(point);
    if (!rootfs_.empty() && mount.mount_point.starts_with(rootfs_)) {
      const std::string rest = mount.mount_point.substr(rootfs_.size());
      if (rest.empty() || rest[0] == '/') mount.mount_point = rest.empty() ? "/" : rest;
    }
    mount.read_only = has_option(options, "ro") || has_option(super_options, "ro");
    return true;
  }

  static void append(const std::vector<Mount>& mounts, const std::vector<StatfsAnswer>& answers, Families& out) {
    if (mounts.empty()) return;
    auto& avail = add_gauge(out, "node_filesystem_avail_bytes", "Bytes free for users other than root.");
    auto& device_error = add_gauge(out, "node_filesystem_device_error", "Whether asking the file system failed.");
    auto& files = add_gauge(out, "node_filesystem_files", "Inodes there are.");
    auto& files_free = add_gauge(out, "node_filesystem_files_free", "Inodes free.");
    auto& free = add_gauge(out, "node_filesystem_free_bytes", "Bytes free, those reserved for root included.");
    auto& info = add_gauge(out, "node_filesystem_mount_info", "Device numbers of the mount, as labels.");
    auto& purgeable = add_gauge(out, "node_filesystem_purgeable_bytes", "Bytes the system could free (macOS; 0 here).");
    auto& read_only = add_gauge(out, "node_filesystem_readonly", "Whether it is mounted read-only.");
    auto& size = add_gauge(out, "node_filesystem_size_bytes", "Bytes there are.");
    for (size_t i = 0; i < mounts.size(); ++i) {
      const Mount& mount = mounts[i];
      const StatfsAnswer& answer = answers[i];
      const bool failed = answer.timed_out || answer.error != 0;
      const std::string error = answer.timed_out ? "mountpoint timeout" : failed ? error_text(answer.error) : "";
      const LabelSet labels = out.add_labels({{"device", mount.device},
                                              {"device_error", error},
                                              {"fstype", mount.fs_type},
                                              {"mountpoint", mount.mount_point}});
      add_sample(device_error, failed ? 1 : 0, labels);
      const struct statfs& s = answer.stats;
      // A file system that turned read-only because of an error is no event of the mount table.
      const bool turned = !failed && (s.f_flags & kStatfsFlagsValid) != 0 && (s.f_flags & ST_RDONLY) != 0;
      add_sample(read_only, mount.read_only || turned ? 1 : 0, labels);
      if (failed) continue;
      const double block = static_cast<double>(s.f_bsize);
      add_sample(size, static_cast<double>(s.f_blocks) * block, labels);
      add_sample(free, static_cast<double>(s.f_bfree) * block, labels);
      add_sample(avail, static_cast<double>(s.f_bavail) * block, labels);
      add_sample(files, static_cast<double>(s.f_files), labels);
      add_sample(files_free, static_cast<double>(s.f_ffree), labels);
      add_sample(purgeable, 0, labels);
      add_sample(info, 1,
                 {{"device", mount.device},
                  {"major", mount.major},
                  {"minor", mount.minor},
                  {"mountpoint", mount.mount_point}});
    }
  }

  const std::string paths_[2];
  const std::string rootfs_;
  const int64_t timeout_ns_;
  const NameFilter mount_points_;
  const NameFilter fs_types_;
  StatfsPool statfs_;

  std::string text_;  // What the next two were made from; "" when that failed.
  std::vector<Mount> mounts_;
  std::vector<std::string> asked_;  // As mounts_: the paths to give to statfs.
};

}  // namespace

void declare_filesystem_flags(CollectorFlags& flags, CollectorConfig& config) {
  FilesystemSettings& settings = config.filesystem;
  flags.add_filter("filesystem.mount-points", &settings.mount_points, "mount points");
  flags.add_old_name("filesystem.ignored-mount-points", "filesystem.mount-points-exclude");
  flags.add_filter("filesystem.fs-types", &settings.fs_types, "file system types");
  flags.add_old_name("filesystem.ignored-fs-types", "filesystem.fs-types-exclude");
  flags.add_duration("filesystem.mount-timeout", &settings.mount_timeout_ms,
                     "How long a scrape waits for file systems that do not answer.");
  flags.add("filesystem.stat-workers", &settings.workers_max,
            "Threads that may wait for file systems that do not answer, one a file system.");
}

CollectorResult make_filesystem(const CollectorConfig& config) {
  auto mount_points = NameFilter::compile(config.filesystem.mount_points);
  if (!mount_points) return fail(mount_points.error());
  auto fs_types = NameFilter::compile(config.filesystem.fs_types);
  if (!fs_types) return fail(fs_types.error());
  return std::make_unique<Filesystem>(config, std::move(*mount_points), std::move(*fs_types));
}

}  // namespace tidemark::exporter
