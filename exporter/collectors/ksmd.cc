// Merging of equal pages: /sys/kernel/mm/ksm (Documentation/admin-guide/mm/ksm.rst).
#include "exporter/collectors/collectors.h"
#include "exporter/device_metrics.h"

namespace tidemark::exporter {
namespace {

constexpr Attribute kAttributes[] = {
    {"full_scans", "node_ksmd_full_scans_total", "How often all mergeable pages were scanned.", MetricType::kCounter},
    {"general_profit", "node_ksmd_general_profit_bytes", "Bytes saved, less those that merging needs itself."},
    {"merge_across_nodes", "node_ksmd_merge_across_nodes", "Whether pages of different NUMA nodes are merged."},
    {"pages_shared", "node_ksmd_pages_shared", "Pages that stand for several."},
    {"pages_sharing", "node_ksmd_pages_sharing", "Pages saved."},
    {"pages_to_scan", "node_ksmd_pages_to_scan", "Pages to look at before a pause."},
    {"pages_unshared", "node_ksmd_pages_unshared", "Pages found to be unique so far."},
    {"pages_volatile", "node_ksmd_pages_volatile", "Pages that change too fast."},
    {"run", "node_ksmd_run", "0: stopped, 1: runs, 2: stopped and all unmerged."},
    {"sleep_millisecs", "node_ksmd_sleep_seconds", "Length of a pause.", MetricType::kGauge, 1e3},
};

class Ksmd final : public Collector {
 public:
  explicit Ksmd(const CollectorConfig& config) : path_(config.sysfs + "/kernel/mm/ksm") {}

  Status collect(ScrapeContext& /*context*/, Families& out) override {
    AttributeTable(kAttributes, out).add(Directory(path_), LabelSet());
    return {};
  }

 private:
  const std::string path_;
};

}  // namespace

CollectorResult make_ksmd(const CollectorConfig& config) { return std::make_unique<Ksmd>(config); }

}  // namespace tidemark::exporter
