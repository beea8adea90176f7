// What the scraper knows about its targets at one moment, as /api/v1/targets, /api/v1/scrape_pools and
// /api/v1/metadata show it. Plain values: nothing here changes after it was handed out. No password or token is in any
// of it: user information in an address shows as "<secret>".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/labels.h"
#include "model/metric_type.h"

namespace tidemark::scrape {

enum class TargetHealth { kUnknown, kUp, kDown };          // kUnknown: not scraped yet.
std::string_view target_health_name(TargetHealth health);  // "unknown" "up" "down"

struct ActiveTarget {
  std::string scrape_pool;   // The job_name of its scrape_config.
  Labels labels;             // On every series of the target.
  Labels discovered_labels;  // Before relabelling, with the __ labels.
  std::string scrape_url;
  std::string global_url;      // The same with this host's name where scrape_url has a loopback address.
  std::string last_error;      // "" after a good scrape.
  int64_t last_scrape_ms = 0;  // Start of the last finished scrape; 0: none yet.
  double last_scrape_duration_s = 0;
  TargetHealth health = TargetHealth::kUnknown;
  std::string scrape_interval;  // "15s"
  std::string scrape_timeout;
};

struct DroppedTarget {
  std::string scrape_pool;
  Labels discovered_labels;
  std::string reason;  // "dropped by relabel_configs", or what is wrong with its address, interval, ...
};

struct PoolTargets {
  std::string scrape_pool;
  std::vector<ActiveTarget> active;    // Sorted by labels.
  std::vector<DroppedTarget> dropped;  // The first ScraperOptions::dropped_targets_max.
  size_t dropped_count = 0;            // Of all, shown or not.
};

struct TargetsSnapshot {
  std::vector<PoolTargets> pools;  // Sorted by name.
};

// What a target's exposition says about a metric in # TYPE, # HELP and # UNIT.
struct MetricMetadata {
  std::string metric;
  MetricType type = MetricType::kUnknown;
  std::string help;
  std::string unit;
  bool operator==(const MetricMetadata&) const = default;
};

}  // namespace tidemark::scrape
