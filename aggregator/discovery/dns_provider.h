// DnsProvider: targets by their names in the DNS (dns_sd_configs). An A or AAAA record gives the target
// "address:port" with the configured port, [address]:port for IPv6; a SRV record "target:port" with its own.
// Labels as Prometheus': __meta_dns_name, and of SRV records __meta_dns_srv_record_target, which keeps the dot at its
// end, and __meta_dns_srv_record_port.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "aggregator/discovery/provider.h"
#include "aggregator/discovery/resolver.h"
#include "config/scrape_config.h"
#include "model/log.h"

namespace tidemark::discovery {

// Each name is a group of its own. One that the DNS says is not there loses its targets; one of which nobody knows
// keeps them.
class DnsProvider final : public Provider {
 public:
  // `resolver` and `logger` outlive this. A refresh() that was canceled counts for nothing.
  DnsProvider(const config::DnsSdConfig& config, Resolver& resolver, Canceled canceled, Logger& logger);

  bool refresh() override;
  std::vector<TargetGroup> groups() const override;
  int64_t refresh_interval_ms() const override { return config_.refresh_interval_ms; }
  size_t broken() const override;
  uint64_t errors() const override { return errors_; }

 private:
  struct Name {
    TargetGroup group;
    bool broken = false;
  };
  bool take(Name& name, DnsAnswer answer);
  Labels target_of(const std::string& name, const DnsRecord& record) const;

  const config::DnsSdConfig config_;
  Resolver& resolver_;
  const Canceled canceled_;
  Logger& logger_;
  std::vector<Name> names_;  // In the order of config_.names.
  uint64_t errors_ = 0;
};

}  // namespace tidemark::discovery
