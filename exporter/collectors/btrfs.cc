// btrfs: /sys/fs/btrfs/<uuid>, and for those that are mounted what ioctls say about their devices
// (Documentation/filesystems/btrfs.rst, linux/btrfs.h), which sysfs does not. Where an ioctl is refused the size of the
// devices comes from sysfs, without their UUIDs.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/btrfs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>

#include "exporter/collectors/collectors.h"
#include "exporter/deadline.h"
#include "exporter/device_metrics.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

constexpr MetricType kGauge = MetricType::kGauge;
constexpr MetricType kCounter = MetricType::kCounter;
constexpr double kSectorBytes = 512;
constexpr uint64_t kDevicesMax = 1'024;
constexpr std::string_view kErrors[BTRFS_DEV_STAT_VALUES_MAX] = {"write", "read", "flush", "corruption", "generation"};

struct Device {
  std::string name;  // "sda1"
  std::string uuid;
  uint64_t total_bytes = 0;
  uint64_t used_bytes = 0;
  uint64_t errors[BTRFS_DEV_STAT_VALUES_MAX] = {};
};

// "11111111-2222-3333-4444-555555555555".
std::string uuid_text(const uint8_t (&bytes)[BTRFS_UUID_SIZE]) {
  std::string out;
  for (size_t i = 0; i < BTRFS_UUID_SIZE; ++i)
    out += fmt::format("{}{:02x}", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", bytes[i]);
  return out;
}

std::vector<Device> read_devices(int fd, const btrfs_ioctl_fs_info_args& info) {
  std::vector<Device> out;
  for (uint64_t id = 0; id <= info.max_id && out.size() < std::min<uint64_t>(info.num_devices, kDevicesMax); ++id) {
    btrfs_ioctl_dev_info_args device{};
    device.devid = id;
    if (::ioctl(fd, BTRFS_IOC_DEV_INFO, &device) != 0) continue;  // Numbers have gaps.
    btrfs_ioctl_get_dev_stats stats{};
    stats.devid = id;
    stats.nr_items = BTRFS_DEV_STAT_VALUES_MAX;
    if (::ioctl(fd, BTRFS_IOC_GET_DEV_STATS, &stats) != 0) continue;
    Device& one = out.emplace_back();
    device.path[BTRFS_DEVICE_PATH_NAME_MAX - 1] = 0;
    const std::string_view path = reinterpret_cast<const char*>(device.path);
    one.name = path.substr(path.rfind('/') + 1);
    one.uuid = uuid_text(device.uuid);
    std::erase(one.uuid, '-');
    one.total_bytes = device.total_bytes;
    one.used_bytes = device.bytes_used;
    for (size_t i = 0; i < BTRFS_DEV_STAT_VALUES_MAX; ++i) one.errors[i] = stats.values[i];
  }
  return out;
}

double ratio(std::string_view layout, size_t devices) {
  const auto n = static_cast<double>(devices);
  if (layout == "single" || layout == "raid0") return 1;
  if (layout == "dup" || layout == "raid1" || layout == "raid10") return 2;
  if (layout == "raid1c3") return 3;
  if (layout == "raid1c4") return 4;
  if (layout == "raid5" && n > 1) return n / (n - 1);
  if (layout == "raid6" && n > 2) return n / (n - 2);
  return 0;
}

class Btrfs final : public Collector {
 public:
  explicit Btrfs(const CollectorConfig& config)
      : sysfs_(config.sysfs + "/fs/btrfs"), procfs_(config.procfs), rootfs_(config.rootfs) {}

  Status collect(ScrapeContext& context, Families& out) override {
    const Directory filesystems(context.absences(), sysfs_);
    std::vector<std::string> uuids = filesystems.names();
    std::erase_if(uuids, [](const std::string& name) { return name.find('-') == name.npos; });
    if (uuids.empty()) return {};
    const auto mounted = ask_mounted(context);
    FamilySet families(out);
    for (const std::string& entry : uuids) {
      const Directory filesystem(filesystems, entry);
      std::string uuid = filesystem.text("metadata_uuid").value_or("");
      if (uuid.empty()) uuid = entry;
      const std::vector<std::string> devices = Directory(filesystem, "devices").names();
      add_filesystem(filesystem, uuid, devices.size(), families, out);
      const auto asked = mounted.find(uuid);
      if (asked != mounted.end()) {
        for (const Device& device : asked->second) add_device(device, uuid, families);
        continue;
      }
      for (const std::string& device : devices) {
        if (const auto sectors = filesystem.number("devices/" + device + "/size"))
          add_sample(size_family(families), *sectors * kSectorBytes, {{"device", device}, {"uuid", uuid}});
      }
    }
    return {};
  }

 private:
  static Family& size_family(FamilySet& families) {
    return families.find("node_btrfs_device_size_bytes", kGauge, "Bytes of the device.");
  }

  // The devices of mounted file systems, by UUID.
  std::map<std::string, std::vector<Device>> ask_mounted(ScrapeContext& context) const {
    std::map<std::string, std::vector<Device>> out;
    auto text = context.read_mounts(procfs_ + "/1/mountinfo");
    if (!text) text = context.read_mounts(procfs_ + "/self/mountinfo");
    if (!text) return out;
    std::set<std::string_view> seen;  // Devices: subvolumes are mounts of the same one.
    for (std::string_view rest = *text; !rest.empty() && check_deadline(context).ok();) {
      std::string_view line = next_line(rest);
      const size_t dash = line.find(" - btrfs ");
      if (dash == line.npos) continue;
      std::string_view behind = line.substr(dash + 3);
      next_word(behind);
      if (!seen.insert(next_word(behind)).second) continue;
      for (int i = 0; i < 4; ++i) next_word(line);
      const std::string mount_point = rootfs_ + "/" + std::string(next_word(line));
      const int fd = ::open(mount_point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
      if (fd < 0) continue;
      btrfs_ioctl_fs_info_args info{};
      if (::ioctl(fd, BTRFS_IOC_FS_INFO, &info) == 0) {
        auto devices = read_devices(fd, info);
        if (!devices.empty()) out.emplace(uuid_text(info.fsid), std::move(devices));
      }
      ::close(fd);
    }
    return out;
  }

  static void add_device(const Device& device, const std::string& uuid, FamilySet& families) {
    const Label labels[] = {{"btrfs_dev_uuid", device.uuid}, {"device", device.name}, {"uuid", uuid}};
    size_family(families).add(static_cast<double>(device.total_bytes), labels);
    families.find("node_btrfs_device_unused_bytes", kGauge, "Bytes of the device that no block group has.")
        .add(static_cast<double>(device.total_bytes - device.used_bytes), labels);
    Family& errors = families.find("node_btrfs_device_errors_total", kCounter, "Errors of the device.");
    for (size_t i = 0; i < std::size(kErrors); ++i)
      add_sample(errors, static_cast<double>(device.errors[i]),
                 {{"btrfs_dev_uuid", device.uuid}, {"device", device.name}, {"type", kErrors[i]}, {"uuid", uuid}});
  }

  static void add_filesystem(const Directory& filesystem, const std::string& uuid, size_t devices, FamilySet& families,
                             Families& out) {
    add_sample(families.find("node_btrfs_info", kGauge, "The file system's label; always 1."), 1,
               {{"label", valid_utf8(filesystem.text("label").value_or(""))}, {"uuid", uuid}});
    const LabelSet labels = out.add_labels({{"uuid", uuid}});
    if (const auto bytes = filesystem.number("allocation/global_rsv_size"))
      add_sample(families.find("node_btrfs_global_rsv_size_bytes", kGauge, "Bytes kept for emergencies."), *bytes,
                 labels);
    add_commits(filesystem, labels, families);
    for (const char* type : {"data", "metadata", "system"}) {
      const Directory group(filesystem, std::string("allocation/") + type);
      if (const auto bytes = group.number("bytes_reserved"))
        add_sample(families.find("node_btrfs_reserved_bytes", kGauge, "Bytes reserved for writes under way."), *bytes,
                   {{"block_group_type", type}, {"uuid", uuid}});
      for (const std::string& layout : group.names()) {
        const Directory usage(group, layout);
        if (!usage.exists()) continue;
        const LabelSet group_labels = out.add_labels({{"block_group_type", type}, {"mode", layout}, {"uuid", uuid}});
        if (const auto bytes = usage.number("used_bytes"))
          add_sample(families.find("node_btrfs_used_bytes", kGauge, "Bytes in use."), *bytes, group_labels);
        if (const auto bytes = usage.number("total_bytes"))
          add_sample(families.find("node_btrfs_size_bytes", kGauge, "Bytes there are."), *bytes, group_labels);
        add_sample(families.find("node_btrfs_allocation_ratio", kGauge, "Bytes on disk for a byte of data."),
                   ratio(layout, devices), group_labels);
      }
    }
  }

  static void add_commits(const Directory& filesystem, const LabelSet& labels, FamilySet& families) {
    struct Row {
      std::string_view key;
      std::string_view family;
      std::string_view help;
      MetricType type;
      double divisor;
    };
    static constexpr Row kRows[] = {
        {"commits", "node_btrfs_commits_total", "Commits.", kCounter, 1},
        {"last_commit_ms", "node_btrfs_last_commit_seconds", "Length of the last commit.", kGauge, 1e3},
        {"max_commit_ms", "node_btrfs_max_commit_seconds", "Length of the longest commit.", kGauge, 1e3},
        {"total_commit_ms", "node_btrfs_commit_seconds_total", "Time spent in commits.", kCounter, 1e3},
    };
    // Kernels before 6.0 have no such file; there are no commits then, as in node_exporter.
    const std::string text = filesystem.text("commit_stats").value_or("");
    for (const Row& row : kRows) {
      double value = 0;
      for (std::string_view rest = text; !rest.empty();) {
        std::string_view line = next_line(rest);
        if (next_word(line) == row.key) value = parse_number(next_word(line)).value_or(0);
      }
      add_sample(families.find(row.family, row.type, row.help), value / row.divisor, labels);
    }
  }

  const std::string sysfs_;
  const std::string procfs_;
  const std::string rootfs_;
};

}  // namespace

CollectorResult make_btrfs(const CollectorConfig& config) { return std::make_unique<Btrfs>(config); }

}  // namespace tidemark::exporter
