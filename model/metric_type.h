// What kind of metric a family is, as its TYPE line says.
#pragma once

#include <cstdint>
#include <string_view>

namespace tidemark {

enum class MetricType : uint8_t { kUnknown, kCounter, kGauge, kHistogram, kSummary };

// The name that Prometheus' metadata API uses; the text format's "untyped" is "unknown" there.
constexpr std::string_view metric_type_name(MetricType type) {
  switch (type) {
    case MetricType::kCounter:
      return "counter";
    case MetricType::kGauge:
      return "gauge";
    case MetricType::kHistogram:
      return "histogram";
    case MetricType::kSummary:
      return "summary";
    case MetricType::kUnknown:
      break;
  }
  return "unknown";
}

}  // namespace tidemark
