// The collectors' factories; what each emits and from where is a table in ../README.md. A factory fails only on a
// configuration that cannot work (a bad regular expression), never on what the host lacks.
#pragma once

#include <memory>

#include "exporter/collector.h"

namespace tidemark::exporter {

using CollectorResult = Result<std::unique_ptr<Collector>>;

CollectorResult make_cpu(const CollectorConfig& config);
CollectorResult make_diskstats(const CollectorConfig& config);
CollectorResult make_filesystem(const CollectorConfig& config);
CollectorResult make_loadavg(const CollectorConfig& config);
CollectorResult make_meminfo(const CollectorConfig& config);
CollectorResult make_netdev(const CollectorConfig& config);
CollectorResult make_stat(const CollectorConfig& config);
CollectorResult make_time(const CollectorConfig& config);
CollectorResult make_uname(const CollectorConfig& config);

}  // namespace tidemark::exporter
