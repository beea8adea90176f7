// From what discovery tells to what is scraped: Prometheus' rules for a target's labels and URL.
//
// A target's labels begin as those of its group and its own, with job, __address__, __scheme__, __metrics_path__,
// __param_NAME, __scrape_interval__ and __scrape_timeout__ filled in from the job; relabel_configs may change any of
// them, or drop the target. What they hold then is where and how often it is scraped. Labels that begin with "__" end
// here, instance defaults to the address, and no port is ever added.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "aggregator/discovery/target_group.h"
#include "aggregator/scrape/targets.h"
#include "config/scrape_config.h"
#include "net/client.h"

namespace tidemark::scrape {

// Immutable once built.
struct Target {
  Labels labels;
  Labels discovered_labels;  // As shown to users: without secrets in an address.
  net::Url url;              // Its `target` is path and query, encoded.
  std::string url_text;
  int64_t interval_ms = 0;
  int64_t timeout_ms = 0;

  // Equal for targets that are scraped from the same place with the same labels at the same pace: over a reload those
  // are the same target.
  std::string identity() const;

  // How long after `now_ns` (wall clock) the first scrape is due, in [0, interval): targets are spread over the
  // interval by their hash, each at the same place in absolute time however often it is restarted.
  int64_t offset_ns(int64_t now_ns, uint64_t seed) const;
};

struct BuiltTargets {
  std::vector<Target> active;          // Each identity once.
  std::vector<DroppedTarget> dropped;  // The first `dropped_max`.
  size_t dropped_count = 0;
};

BuiltTargets build_targets(const config::ScrapeConfig& job, const std::vector<discovery::TargetGroup>& groups,
                           size_t dropped_max);

}  // namespace tidemark::scrape
