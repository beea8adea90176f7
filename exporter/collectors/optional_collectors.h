// More factories, as in collectors.h: collectors that are off by default and do more than read a table of the kernel.
#pragma once

#include "exporter/collectors/collectors.h"

namespace tidemark::exporter {

CollectorResult make_cgroup(const CollectorConfig& config);
void declare_cgroup_flags(CollectorFlags& flags, CollectorConfig& config);
CollectorResult make_ethtool(const CollectorConfig& config);
void declare_ethtool_flags(CollectorFlags& flags, CollectorConfig& config);
CollectorResult make_mountstats(const CollectorConfig& config);
CollectorResult make_pcidevice(const CollectorConfig& config);
void declare_pcidevice_flags(CollectorFlags& flags, CollectorConfig& config);
CollectorResult make_sockets(const CollectorConfig& config);
void declare_sockets_flags(CollectorFlags& flags, CollectorConfig& config);

}  // namespace tidemark::exporter
