// Warnings and infos about native histograms that several operators have, in Prometheus' words.
#pragma once

#include <string>
#include <string_view>

#include "aggregator/promql/context.h"
#include "aggregator/promql/quote.h"
#include "model/native_histogram.h"

namespace tidemark::promql {

inline void warn_mixed_schemas(QueryContext& context, std::string_view metric, TextOffset at) {
  context.annotations().warn(
      "vector contains a mix of histograms with exponential and custom buckets schemas for metric name " +
          quoted(metric),
      at);
}

inline void warn_mixed_kinds(QueryContext& context, std::string_view metric, TextOffset at) {
  context.annotations().warn("encountered a mix of histograms and floats for metric name " + quoted(metric), at);
}

inline void warn_not_counter(QueryContext& context, std::string_view metric, TextOffset at) {
  context.annotations().warn("this native histogram metric is not a counter: " + quoted(metric), at);
}

inline void warn_not_gauge(QueryContext& context, std::string_view metric, TextOffset at) {
  context.annotations().warn("this native histogram metric is not a gauge: " + quoted(metric), at);
}

// `operation` is "addition", "subtraction" or "aggregation", here and below.
inline void warn_collision(QueryContext& context, std::string_view operation, TextOffset at) {
  context.annotations().warn("conflicting counter resets during histogram " + std::string(operation), at);
}

inline void tell_reconciled(QueryContext& context, std::string_view operation, TextOffset at) {
  context.annotations().info("mismatched custom buckets were reconciled during " + std::string(operation), at);
}

// Whether among histograms that are added up some say they were reset and others that they were not.
class HintCollision {
 public:
  void see(const NativeHistogram& h) {
    reset_ |= h.reset == CounterReset::kReset;
    not_reset_ |= h.reset == CounterReset::kNotReset;
  }
  bool collide() const { return reset_ && not_reset_; }

 private:
  bool reset_ = false;
  bool not_reset_ = false;
};

}  // namespace tidemark::promql
