#include "aggregator/discovery/dns_provider.h"

#include <algorithm>
#include <utility>

namespace tidemark::discovery {
namespace {

constexpr std::string_view kNameLabel = "__meta_dns_name";
constexpr std::string_view kSrvTargetLabel = "__meta_dns_srv_record_target";
constexpr std::string_view kSrvPortLabel = "__meta_dns_srv_record_port";

std::string host_and_port(const std::string& host, uint16_t port) {
  const bool brackets = host.find(':') != std::string::npos;
  return (brackets ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace

DnsProvider::DnsProvider(const config::DnsSdConfig& config, Resolver& resolver, Canceled canceled, Logger& logger)
    : config_(config), resolver_(resolver), canceled_(std::move(canceled)), logger_(logger) {
  for (const std::string& name : config_.names) names_.push_back({{name, {}, {}}, false});
}

Labels DnsProvider::target_of(const std::string& name, const DnsRecord& record) const {
  if (config_.type != config::DnsRecordType::kSrv) {
    return {{kAddressLabel, host_and_port(record.host, config_.port)}, {kNameLabel, name}};
  }
  return {{kAddressLabel, host_and_port(record.host, record.port)},
          {kNameLabel, name},
          {kSrvTargetLabel, record.host + "."},
          {kSrvPortLabel, std::to_string(record.port)}};
}

bool DnsProvider::refresh() {
  std::vector<DnsAnswer> answers = resolver_.lookup(config_.names, config_.type, canceled_);
  bool changed = false;
  for (size_t i = 0; i < names_.size(); ++i) changed |= take(names_[i], std::move(answers[i]));
  return changed;
}

bool DnsProvider::take(Name& name, DnsAnswer answer) {
  if (!answer) {
    if (answer.error().code() == Code::kCanceled) return false;
    ++errors_;
    if (!std::exchange(name.broken, true)) {
      logger_.warn("a name was not resolved, the targets known before stay",
                   {{"name", name.group.source}, {"err", answer.error()}});
    }
    return false;
  }
  name.broken = false;
  // Servers rotate their answers: another order, or a record twice, is no change.
  std::sort(answer->begin(), answer->end());
  answer->erase(std::unique(answer->begin(), answer->end()), answer->end());
  std::vector<Labels> targets;
  targets.reserve(answer->size());
  for (const DnsRecord& record : *answer) targets.push_back(target_of(name.group.source, record));
  if (targets == name.group.targets) return false;
  name.group.targets = std::move(targets);
  return true;
}

std::vector<TargetGroup> DnsProvider::groups() const {
  std::vector<TargetGroup> out;
  out.reserve(names_.size());
  for (const Name& name : names_) out.push_back(name.group);
  return out;
}

size_t DnsProvider::broken() const {
  return static_cast<size_t>(std::count_if(names_.begin(), names_.end(), [](const Name& name) { return name.broken; }));
}

}  // namespace tidemark::discovery
