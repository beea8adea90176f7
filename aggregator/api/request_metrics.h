// RequestMetrics: tidemark_http_requests_total{handler,code} and tidemark_http_request_duration_seconds{handler}.
// A handler is a route's pattern, so the number of series is bounded by the routes whatever clients ask for; requests
// that fit none are counted under "".
#pragma once

#include <cstdint>
#include <string_view>

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

namespace tidemark::api {

// Thread-safe.
class RequestMetrics {
 public:
  explicit RequestMetrics(prometheus::Registry& registry);

  void observe(std::string_view pattern, int code, int64_t duration_ns);

 private:
  prometheus::Family<prometheus::Counter>& requests_;
  prometheus::Family<prometheus::Histogram>& durations_;
};

}  // namespace tidemark::api
