#include "aggregator/api/request_metrics.h"

#include <string>

namespace tidemark::api {

RequestMetrics::RequestMetrics(prometheus::Registry& registry)
    : requests_(prometheus::BuildCounter()
                    .Name("tidemark_http_requests_total")
                    .Help("HTTP requests answered, by route and status code.")
                    .Register(registry)),
      durations_(prometheus::BuildHistogram()
                     .Name("tidemark_http_request_duration_seconds")
                     .Help("Time from a complete request to its answer, by route.")
                     .Register(registry)) {}

void RequestMetrics::observe(std::string_view pattern, int code, int64_t duration_ns) {
  // As prometheus_http_request_duration_seconds.
  static const prometheus::Histogram::BucketBoundaries kSeconds{0.1, 0.2, 0.4, 1, 3, 8, 20, 60, 120};
  const std::string handler(pattern);
  requests_.Add({{"handler", handler}, {"code", std::to_string(code)}}).Increment();
  durations_.Add({{"handler", handler}}, kSeconds).Observe(static_cast<double>(duration_ns) / 1e9);
}

}  // namespace tidemark::api
