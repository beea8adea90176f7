// Building prometheus-cpp families with few words. Labels are given in the order of their names, as client libraries
// print them.
#pragma once

#include <prometheus/metric_family.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidemark::exporter {

using Families = std::vector<prometheus::MetricFamily>;
using LabelList = std::initializer_list<std::pair<std::string_view, std::string_view>>;

// The reference is valid until the next family is added.
inline prometheus::MetricFamily& add_family(Families& out, std::string_view name, prometheus::MetricType type,
                                            std::string_view help) {
  prometheus::MetricFamily& family = out.emplace_back();
  family.name = name;
  family.help = help;
  family.type = type;
  return family;
}

inline prometheus::MetricFamily& add_counter(Families& out, std::string_view name, std::string_view help) {
  return add_family(out, name, prometheus::MetricType::Counter, help);
}

inline prometheus::MetricFamily& add_gauge(Families& out, std::string_view name, std::string_view help) {
  return add_family(out, name, prometheus::MetricType::Gauge, help);
}

inline void add_sample(prometheus::MetricFamily& family, double v, LabelList labels = {}) {
  prometheus::ClientMetric& metric = family.metric.emplace_back();
  metric.label.reserve(labels.size());
  for (const auto& [name, value] : labels) {
    auto& label = metric.label.emplace_back();
    label.name = name;
    label.value = value;
  }
  switch (family.type) {
    case prometheus::MetricType::Counter:
      metric.counter.value = v;
      break;
    case prometheus::MetricType::Untyped:
      metric.untyped.value = v;
      break;
    default:
      metric.gauge.value = v;
  }
}

}  // namespace tidemark::exporter
