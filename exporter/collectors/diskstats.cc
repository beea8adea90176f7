// /proc/diskstats (Documentation/admin-guide/iostats.rst): "254 0 vda" and then counters, of which a kernel has 11, 15
// (discards, since 4.18) or 17 (flushes, since 5.5). What a disk is called comes from udev's database, where there is
// one, and from sysfs.
#include <fmt/format.h>

#include "exporter/collectors/collectors.h"
#include "exporter/text_scan.h"
#include "exporter/udev_device.h"

namespace tidemark::exporter {
namespace {

constexpr double kSectorBytes = 512;  // The unit of this file, whatever the device's own sector is.
constexpr double kMillisecond = 1e-3;

struct Column {
  std::string_view name;
  MetricType type;
  double unit;
  std::string_view help;
};

constexpr Column kColumns[] = {
    {"node_disk_reads_completed_total", MetricType::kCounter, 1, "Reads completed."},
    {"node_disk_reads_merged_total", MetricType::kCounter, 1, "Reads merged with a neighbour before they were issued."},
    {"node_disk_read_bytes_total", MetricType::kCounter, kSectorBytes, "Bytes read."},
    {"node_disk_read_time_seconds_total", MetricType::kCounter, kMillisecond, "Time all reads took, added up."},
    {"node_disk_writes_completed_total", MetricType::kCounter, 1, "Writes completed."},
    {"node_disk_writes_merged_total", MetricType::kCounter, 1,
     "Writes merged with a neighbour before they were issued."},
    {"node_disk_written_bytes_total", MetricType::kCounter, kSectorBytes, "Bytes written."},
    {"node_disk_write_time_seconds_total", MetricType::kCounter, kMillisecond, "Time all writes took, added up."},
    {"node_disk_io_now", MetricType::kGauge, 1, "I/Os under way."},
    {"node_disk_io_time_seconds_total", MetricType::kCounter, kMillisecond, "Time with at least one I/O under way."},
    {"node_disk_io_time_weighted_seconds_total", MetricType::kCounter, kMillisecond,
     "Time with I/Os under way, each counted."},
    {"node_disk_discards_completed_total", MetricType::kCounter, 1, "Discards completed."},
    {"node_disk_discards_merged_total", MetricType::kCounter, 1,
     "Discards merged with a neighbour before they were issued."},
    {"node_disk_discarded_sectors_total", MetricType::kCounter, 1, "Sectors of 512 bytes discarded."},
    {"node_disk_discard_time_seconds_total", MetricType::kCounter, kMillisecond, "Time all discards took, added up."},
    {"node_disk_flush_requests_total", MetricType::kCounter, 1, "Flush requests completed."},
    {"node_disk_flush_requests_time_seconds_total", MetricType::kCounter, kMillisecond,
     "Time all flush requests took, added up."},
};
constexpr size_t kColumnsMin = 11;

// What udev says of SATA disks.
struct AtaProperty {
  std::string_view key;
  std::string_view name;
  std::string_view help;
};
constexpr AtaProperty kAtaProperties[] = {
    {"ID_ATA_ROTATION_RATE_RPM", "node_disk_ata_rotation_rate_rpm", "Rotations a minute; 0 for a solid-state disk."},
    {"ID_ATA_WRITE_CACHE", "node_disk_ata_write_cache", "Whether the ATA disk has a write cache."},
    {"ID_ATA_WRITE_CACHE_ENABLED", "node_disk_ata_write_cache_enabled", "Whether its write cache is enabled."},
};

class Diskstats final : public Collector {
 public:
  Diskstats(const CollectorConfig& config, NameFilter devices)
      : path_(config.procfs + "/diskstats"),
        block_(config.sysfs + "/block/"),
        udev_(config.udev_data + "/b"),
        devices_(std::move(devices)) {}

  Status collect(ScrapeContext& context, Families& out) override {
    // Not kShortLines: a disk and its partitions are one record, which the kernel keeps back when the page is full.
    const auto text = context.read_kept(path_);
    if (!text) return text.error();
    Found found(out);

    std::string_view rest = *text;
    for (int number = 1; !rest.empty(); ++number) {
      std::string_view line = next_line(rest);
      if (trimmed(line).empty()) continue;
      const std::string_view major = next_word(line);
      const std::string_view minor = next_word(line);
      const std::string_view device = next_word(line);
      if (!devices_.shows(device)) continue;
      size_t column = 0;
      for (auto word = next_word(line); !word.empty() && column < std::size(kColumns); word = next_word(line)) {
        const auto value = to_u64(word);
        if (!value) return Status::invalid(fmt::format("{}:{}: \"{}\" is not a number", path_, number, word));
        // Divided rather than multiplied: 306 ms print as 0.306, not as 0.30600000000000005.
        const double unit = kColumns[column].unit;
        const double v = unit < 1 ? static_cast<double>(*value) / 1e3 : static_cast<double>(*value) * unit;
        add_sample(*found.columns[column++], v, {{"device", device}});
      }
      if (column < kColumnsMin || !to_u64(major) || !to_u64(minor))
        return Status::invalid(
            fmt::format("{}:{}: {} columns instead of at least {}", path_, number, column, kColumnsMin));
      describe(context, {major, minor, device}, found);
    }
    return {};
  }

 private:
  struct Found {
    explicit Found(Families& out)
        : info(add_gauge(out, "node_disk_info", "What the disk is, as labels.")),
          filesystem(add_gauge(out, "node_disk_filesystem_info", "The file system on the device, as labels.")),
          mapper(add_gauge(out, "node_disk_device_mapper_info", "The device-mapper device, as labels.")) {
      for (size_t i = 0; i < std::size(kColumns); ++i)
        columns[i] = &add_family(out, kColumns[i].name, kColumns[i].type, kColumns[i].help);
      for (size_t i = 0; i < std::size(kAtaProperties); ++i)
        ata[i] = &add_gauge(out, kAtaProperties[i].name, kAtaProperties[i].help);
    }
    Family* columns[std::size(kColumns)];
    Family* ata[std::size(kAtaProperties)];
    Family& info;
    Family& filesystem;
    Family& mapper;
  };

  struct Disk {
    std::string_view major;
    std::string_view minor;
    std::string_view name;
  };

  void describe(ScrapeContext& context, const Disk& disk, Found& found) const {
    // Partitions have no queue of their own.
    const auto queue = context.read_kept(fmt::format("{}{}/queue/rotational", block_, disk.name), FileKind::kOnePiece);
    const std::string rotational(queue ? trimmed(*queue) : "0");
    // No udev (a container, an appliance) leaves these empty.
    const auto text = context.read_once(fmt::format("{}{}:{}", udev_, disk.major, disk.minor));
    const UdevDevice udev(text ? *text : std::string_view());
    const std::string_view scsi_serial = udev["SCSI_IDENT_SERIAL"];
    add_sample(found.info, 1,
               {{"device", disk.name},
                {"major", disk.major},
                {"minor", disk.minor},
                {"model", udev["ID_MODEL"]},
                {"path", udev["ID_PATH"]},
                {"revision", udev["ID_REVISION"]},
                {"rotational", rotational},
                {"serial", scsi_serial.empty() ? udev["ID_SERIAL_SHORT"] : scsi_serial},
                {"wwn", udev["ID_WWN"]}});
    if (!udev["ID_FS_TYPE"].empty())
      add_sample(found.filesystem, 1,
                 {{"device", disk.name},
                  {"type", udev["ID_FS_TYPE"]},
                  {"usage", udev["ID_FS_USAGE"]},
                  {"uuid", udev["ID_FS_UUID"]},
                  {"version", udev["ID_FS_VERSION"]}});
    if (!udev["DM_NAME"].empty())
      add_sample(found.mapper, 1,
                 {{"device", disk.name},
                  {"lv_layer", udev["DM_LV_LAYER"]},
                  {"lv_name", udev["DM_LV_NAME"]},
                  {"name", udev["DM_NAME"]},
                  {"uuid", udev["DM_UUID"]},
                  {"vg_name", udev["DM_VG_NAME"]}});
    if (udev["ID_ATA"].empty()) return;
    for (size_t i = 0; i < std::size(kAtaProperties); ++i) {
      const auto value = to_double(udev[kAtaProperties[i].key]);
      if (value) add_sample(*found.ata[i], *value, {{"device", disk.name}});
    }
  }

  const std::string path_;
  const std::string block_;
  const std::string udev_;
  const NameFilter devices_;
};

}  // namespace

void declare_diskstats_flags(CollectorFlags& flags, CollectorConfig& config) {
  flags.add_filter("diskstats.device", &config.diskstats.devices, "disks");
  flags.add_old_name("diskstats.ignored-devices", "diskstats.device-exclude");
}

CollectorResult make_diskstats(const CollectorConfig& config) {
  auto devices = NameFilter::compile(config.diskstats.devices);
  if (!devices) return fail(devices.error());
  return std::make_unique<Diskstats>(config, std::move(*devices));
}

}  // namespace tidemark::exporter
