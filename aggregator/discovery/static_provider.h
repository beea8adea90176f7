// StaticProvider: targets that stand in the configuration (static_configs).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "aggregator/discovery/provider.h"
#include "config/scrape_config.h"

namespace tidemark::discovery {

// Targets of a configuration, or of a file, as a group of ours; each target is an address.
TargetGroup to_target_group(const config::TargetGroup& group, std::string source);

class StaticProvider final : public Provider {
 public:
  explicit StaticProvider(std::vector<config::TargetGroup> configs) : configs_(std::move(configs)) {}

  bool refresh() override { return !std::exchange(refreshed_, true); }
  std::vector<TargetGroup> groups() const override;
  int64_t refresh_interval_ms() const override { return 0; }

 private:
  const std::vector<config::TargetGroup> configs_;
  bool refreshed_ = false;
};

}  // namespace tidemark::discovery
