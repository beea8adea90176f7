// Devices with several paths to them: /sys/block/dm-<N> whose dm/uuid begins with "mpath-", and the disks below them in
// slaves/, whose state is in /sys/block/<disk>/device/state.
#include "exporter/collectors/collectors.h"
#include "exporter/device_metrics.h"

namespace tidemark::exporter {
namespace {

constexpr double kSectorBytes = 512;

class DmMultipath final : public Collector {
 public:
  explicit DmMultipath(const CollectorConfig& config) : path_(config.sysfs + "/block") {}

  Status collect(ScrapeContext& context, Families& out) override {
    auto& info = add_gauge(out, "node_dmmultipath_device_info", "The multipath device's identity; always 1.");
    auto& active = add_gauge(out, "node_dmmultipath_device_active", "Whether the device serves requests.");
    auto& size = add_gauge(out, "node_dmmultipath_device_size_bytes", "Bytes of the device.");
    auto& paths = add_gauge(out, "node_dmmultipath_device_paths", "Paths to the device.");
    auto& paths_active = add_gauge(out, "node_dmmultipath_device_paths_active", "Paths that work.");
    auto& paths_failed = add_gauge(out, "node_dmmultipath_device_paths_failed", "Paths that do not.");
    auto& path_state = add_gauge(out, "node_dmmultipath_path_state", "The state of the path; always 1.");
    const Directory block(context.absences(), path_);
    for (const std::string& sysfs_name : block.numbered("dm-")) {
      const Directory device(block, sysfs_name);
      const std::string uuid = device.text("dm/uuid").value_or("");
      if (!uuid.starts_with("mpath-")) continue;
      const std::string name = device.text("dm/name").value_or("");
      add_sample(info, 1, {{"device", name}, {"sysfs_name", sysfs_name}, {"uuid", uuid}});
      size_t path_count = 0;
      size_t active_count = 0;
      for (const std::string& disk : Directory(device, "slaves").names()) {
        const std::string state = block.text(disk + "/device/state").value_or("unknown");
        ++path_count;
        if (state == "running" || state == "live") ++active_count;  // As SCSI and NVMe say.
        add_sample(path_state, 1, {{"device", name}, {"path", disk}, {"state", state}});
      }
      const LabelSet labels = out.add_labels({{"device", name}, {"sysfs_name", sysfs_name}});
      if (const auto suspended = device.number("dm/suspended")) add_sample(active, *suspended == 1 ? 0 : 1, labels);
      if (const auto sectors = device.number("size")) add_sample(size, *sectors * kSectorBytes, labels);
      add_sample(paths, static_cast<double>(path_count), labels);
      add_sample(paths_active, static_cast<double>(active_count), labels);
      add_sample(paths_failed, static_cast<double>(path_count - active_count), labels);
    }
    return {};
  }

 private:
  const std::string path_;
};

}  // namespace

CollectorResult make_dmmultipath(const CollectorConfig& config) { return std::make_unique<DmMultipath>(config); }

}  // namespace tidemark::exporter
