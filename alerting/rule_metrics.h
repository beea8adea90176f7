// What rule evaluation says about itself on /metrics. Private to alerting/.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <map>
#include <set>
#include <string>

#include "model/mutex.h"

namespace tidemark::alerting {

// Of one group, under the label rule_group="FILE;GROUP", as Prometheus has it.
struct GroupMetrics {
  prometheus::Counter* evaluations = nullptr;
  prometheus::Counter* failures = nullptr;
  prometheus::Counter* iterations = nullptr;
  prometheus::Counter* missed = nullptr;
  prometheus::Counter* refused_samples = nullptr;
  prometheus::Gauge* duration_seconds = nullptr;
  prometheus::Gauge* last_evaluation_seconds = nullptr;
  prometheus::Gauge* rules = nullptr;
  prometheus::Gauge* pending = nullptr;
  prometheus::Gauge* firing = nullptr;
};

class RuleMetrics {
 public:
  explicit RuleMetrics(prometheus::Registry& registry);

  // The pointers are good until retain() leaves the group out. Thread-safe, both.
  GroupMetrics of(const std::string& rule_group);
  void retain(const std::set<std::string>& rule_groups);

  prometheus::Counter& state_write_failures;
  prometheus::Gauge& last_load_seconds;

 private:
  prometheus::Family<prometheus::Counter>& evaluations_;
  prometheus::Family<prometheus::Counter>& failures_;
  prometheus::Family<prometheus::Counter>& iterations_;
  prometheus::Family<prometheus::Counter>& missed_;
  prometheus::Family<prometheus::Counter>& refused_samples_;
  prometheus::Family<prometheus::Gauge>& duration_seconds_;
  prometheus::Family<prometheus::Gauge>& last_evaluation_seconds_;
  prometheus::Family<prometheus::Gauge>& rules_;
  prometheus::Family<prometheus::Gauge>& alerts_;
  Mutex mu_;
  std::map<std::string, GroupMetrics> groups_ TM_GUARDED_BY(mu_);
};

}  // namespace tidemark::alerting
