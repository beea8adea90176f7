// Shorthands for the store's metrics: each is in a family tidemark_storage_NAME of its own registry.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <string>

namespace tidemark::storage {

inline prometheus::Counter& add_counter(prometheus::Registry& registry, const std::string& name,
                                        const std::string& help, const prometheus::Labels& labels = {}) {
  return prometheus::BuildCounter().Name("tidemark_storage_" + name).Help(help).Register(registry).Add(labels);
}

inline prometheus::Gauge& add_gauge(prometheus::Registry& registry, const std::string& name, const std::string& help,
                                    const prometheus::Labels& labels = {}) {
  return prometheus::BuildGauge().Name("tidemark_storage_" + name).Help(help).Register(registry).Add(labels);
}

inline prometheus::Histogram& add_histogram(prometheus::Registry& registry, const std::string& name,
                                            const std::string& help,
                                            const prometheus::Histogram::BucketBoundaries& bounds) {
  return prometheus::BuildHistogram().Name("tidemark_storage_" + name).Help(help).Register(registry).Add({}, bounds);
}

}  // namespace tidemark::storage
