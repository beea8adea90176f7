// What the kernel counts for each SCSI device (SAS and SATA disks, tapes, enclosures): commands, and those that failed
// or took too long. The nearest thing to SMART that needs no root: a disk that goes bad shows here first. From
// /sys/class/scsi_device/HOST:CHANNEL:TARGET:LUN/device (Documentation/scsi/scsi_eh.rst has what leads to each).
#include "exporter/collectors/collectors.h"
#include "exporter/deadline.h"
#include "exporter/device_metrics.h"
#include "exporter/directory.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

struct Counter {
  const char* file;
  std::string_view family;
  std::string_view help;
};
constexpr Counter kCounters[] = {
    {"iodone_cnt", "tidemark_scsi_device_completed_total", "Commands the device completed, with an error or without."},
    {"ioerr_cnt", "tidemark_scsi_device_errors_total", "Commands completed with an error."},
    {"iorequest_cnt", "tidemark_scsi_device_requests_total", "Commands sent to the device."},
    {"iotmo_cnt", "tidemark_scsi_device_timeouts_total", "Commands that took too long; older kernels do not say."},
};

// "0x1f". Counters are 32 bits wide and printed as if they had a sign, so 0xffffffff80000000 follows 0x7fffffff.
std::optional<uint64_t> parse_counter(std::string_view text) {
  if (!text.starts_with("0x")) return std::nullopt;
  const auto v = to_u64(text.substr(2), 16);
  constexpr uint64_t kSigned = 0xffff'ffff'8000'0000;
  return v && *v >= kSigned ? *v & UINT32_MAX : v;
}

class ScsiDevice final : public Collector {
 public:
  ScsiDevice(const CollectorConfig& config, NameFilter devices)
      : path_(config.sysfs + "/class/scsi_device"), devices_(std::move(devices)) {}

  Status collect(ScrapeContext& context, Families& out) override {
    Family* families[std::size(kCounters)];
    for (size_t i = 0; i < std::size(kCounters); ++i)
      families[i] = &add_counter(out, kCounters[i].family, kCounters[i].help);
    auto& state = add_gauge(out, "tidemark_scsi_device_state", "1 with the state the device is in.");
    const Directory all(context.absences(), path_);
    for (const std::string& address : all.names()) {
      if (const Status status = check_deadline(context); !status.ok()) return status.at(all.path());
      const Directory one(all, address + "/device");
      const std::string device = block_device(one);
      if (!one.exists() || !devices_.shows(device.empty() ? address : device)) continue;
      const LabelSet labels = out.add_labels({{"address", address}, {"device", device}});
      for (size_t i = 0; i < std::size(kCounters); ++i) {
        const auto text = one.text(kCounters[i].file);
        if (const auto v = text ? parse_counter(*text) : std::nullopt)
          add_sample(*families[i], static_cast<double>(*v), labels);
      }
      if (const auto text = one.text("state"); text && !text->empty())
        add_sample(state, 1, {{"address", address}, {"device", device}, {"state", valid_utf8(*text)}});
    }
    return {};
  }

 private:
  // "sda", as in node_disk_*; "" for what is no disk.
  static std::string block_device(const Directory& one) {
    const std::vector<std::string> names = Directory(one, "block").names();
    return names.empty() ? "" : names.front();
  }

  const std::string path_;
  const NameFilter devices_;
};

}  // namespace

void declare_scsi_device_flags(CollectorFlags& flags, CollectorConfig& config) {
  flags.add_filter("scsi_device.device", &config.scsi_device.devices, "SCSI devices (the address of what is no disk)");
}

CollectorResult make_scsi_device(const CollectorConfig& config) {
  auto devices = NameFilter::compile(config.scsi_device.devices);
  if (!devices) return fail(devices.error());
  return std::make_unique<ScsiDevice>(config, std::move(*devices));
}

}  // namespace tidemark::exporter
