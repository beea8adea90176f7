#include "aggregator/promql/histogram_text.h"

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "aggregator/promql/text.h"
#include "model/histogram_buckets.h"
#include "model/number.h"

namespace tidemark::promql {

std::string histogram_text(const NativeHistogram& histogram) {
  std::string out = fmt::format("{{count:{}, sum:{}", general(histogram.count), general(histogram.sum));
  std::vector<HistogramBucket> buckets;
  list_buckets(histogram, buckets);
  for (const HistogramBucket& b : buckets) {
    if (b.count == 0) continue;
    // As Go's %v: plain digits up to 1e21.
    const std::string count = std::fabs(b.count) < 1e-4 ? general(b.count) : format_float(b.count);
    out += fmt::format(", {}{},{}{}:{}", b.lower_inclusive ? '[' : '(', general(b.lower), general(b.upper),
                       b.upper_inclusive ? ']' : ')', count);
  }
  return out + "}";
}

}  // namespace tidemark::promql
