// Tape drives: /sys/class/scsi_tape/st<N>/stats (Documentation/scsi/st.rst). Other entries of the class are the modes
// of the same drives.
#include "exporter/collectors/collectors.h"
#include "exporter/device_metrics.h"

namespace tidemark::exporter {
namespace {

constexpr MetricType kCounter = MetricType::kCounter;
constexpr double kNano = 1e9;

constexpr Attribute kAttributes[] = {
    {"stats/in_flight", "node_tape_io_now", "Requests under way."},
    {"stats/io_ns", "node_tape_io_time_seconds_total", "Time spent on all requests.", kCounter, kNano},
    {"stats/other_cnt", "node_tape_io_others_total", "Requests that neither read nor write.", kCounter},
    {"stats/read_byte_cnt", "node_tape_read_bytes_total", "Bytes read.", kCounter},
    {"stats/read_ns", "node_tape_read_time_seconds_total", "Time spent reading.", kCounter, kNano},
    {"stats/read_cnt", "node_tape_reads_completed_total", "Reads completed.", kCounter},
    {"stats/resid_cnt", "node_tape_residual_total", "Requests that moved fewer bytes than asked for.", kCounter},
    {"stats/write_ns", "node_tape_write_time_seconds_total", "Time spent writing.", kCounter, kNano},
    {"stats/write_cnt", "node_tape_writes_completed_total", "Writes completed.", kCounter},
    {"stats/write_byte_cnt", "node_tape_written_bytes_total", "Bytes written.", kCounter},
};

class Tapestats final : public Collector {
 public:
  Tapestats(const CollectorConfig& config, NameFilter filter)
      : path_(config.sysfs + "/class/scsi_tape"), filter_(std::move(filter)) {}

  Status collect(ScrapeContext& context, Families& out) override {
    AttributeTable table(kAttributes, out);
    const Directory tapes(context.absences(), path_);
    for (const std::string& name : tapes.numbered("st")) {
      if (filter_.shows(name)) table.add(Directory(tapes, name), out.add_labels({{"device", name}}));
    }
    return {};
  }

 private:
  const std::string path_;
  const NameFilter filter_;
};

}  // namespace

void declare_tapestats_flags(CollectorFlags& flags, CollectorConfig& config) {
  flags.add("tapestats.ignored-devices", &config.tapestats.ignored, "Regular expression of tape drives not to show.");
}

CollectorResult make_tapestats(const CollectorConfig& config) {
  auto filter = NameFilter::compile({"", config.tapestats.ignored});
  if (!filter) return fail(filter.error());
  return std::make_unique<Tapestats>(config, std::move(*filter));
}

}  // namespace tidemark::exporter
