// What pages say about their metrics (# HELP, # TYPE, # UNIT), kept once for all targets that say the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "aggregator/scrape/targets.h"
#include "model/mutex.h"

namespace tidemark::scrape {

using MetadataList = std::shared_ptr<const std::vector<MetricMetadata>>;  // Sorted by metric.

// A thousand targets of one exporter share one list. Thread-safe.
class MetadataPool {
 public:
  // The metadata of a whole page, of at most `metrics_max` metrics. `hash` is the MetadataHash of the page.
  MetadataList get(std::string_view page, uint64_t hash, size_t metrics_max) TM_EXCLUDES(mu_);

 private:
  Mutex mu_;
  std::unordered_map<uint64_t, std::weak_ptr<const std::vector<MetricMetadata>>> lists_ TM_GUARDED_BY(mu_);
};

// Sums up the metadata lines of a page while it is being read: an equal hash says that there is nothing new.
class MetadataHash {
 public:
  void add(std::string_view family, std::string_view text);
  uint64_t value() const { return value_; }

 private:
  uint64_t value_ = 0;
};

}  // namespace tidemark::scrape
