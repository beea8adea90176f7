#include "aggregator/discovery/static_provider.h"

namespace tidemark::discovery {

TargetGroup to_target_group(const config::TargetGroup& group, std::string source) {
  TargetGroup out;
  out.source = std::move(source);
  out.labels = group.labels;
  out.targets.reserve(group.targets.size());
  for (const std::string& address : group.targets) out.targets.push_back(Labels{{kAddressLabel, address}});
  return out;
}

std::vector<TargetGroup> StaticProvider::groups() const {
  std::vector<TargetGroup> out;
  out.reserve(configs_.size());
  for (size_t i = 0; i < configs_.size(); ++i) out.push_back(to_target_group(configs_[i], std::to_string(i)));
  return out;
}

}  // namespace tidemark::discovery
