// What /metrics says of the program beside the registry's metrics: process_*, build info, the HTTP front's counters and
// whom it did not let in, and how the last reload went.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "aggregator/api/api.h"
#include "config/web_guard.h"
#include "exporter/collection.h"
#include "model/log.h"
#include "net/server.h"

namespace tidemark {

// Thread-safe after watch().
class OwnMetrics {
 public:
  explicit OwnMetrics(Logger& logger);

  // `guard` may be null: there is no --web.config.file. Both outlive us.
  void watch(const net::Server& http, const config::WebGuard* guard) {
    http_ = &http;
    guard_ = guard;
  }
  std::vector<prometheus::MetricFamily> collect(const api::Program::State& state) const;

 private:
  exporter::Collection process_;
  const net::Server* http_ = nullptr;
  const config::WebGuard* guard_ = nullptr;
};

}  // namespace tidemark
