// Native histograms under anchored and smoothed selectors (extended.h): the same questions as of floats, a histogram
// being interpolated bucket by bucket.
#pragma once

#include <memory>
#include <string_view>

#include "aggregator/promql/annotations.h"
#include "aggregator/promql/context.h"
#include "aggregator/promql/histogram_buffer.h"
#include "aggregator/promql/range_functions.h"
#include "model/native_histogram.h"

namespace tidemark::promql {

// Places [begin, end) of a series' histograms. May be empty.
struct HistogramWindow {
  size_t begin = 0;
  size_t end = 0;
  size_t size() const { return end - begin; }
};

// Of one series; what is wrong with its histograms is told under its name. `at` is where messages point.
class ExtendedHistograms {
 public:
  ExtendedHistograms(QueryContext& context, std::string_view metric, const Histograms& histograms, TextOffset at)
      : context_(context), metric_(metric), h_(histograms), at_(at) {}

  struct Kind {
    bool counter = false;
    bool per_second = false;
    bool smoothed = false;
  };
  // What delta, increase and rate answer for a window that `reach_of` has widened and whose range is the one written.
  // Null when there is no answer. REQUIRES: a window that is not empty.
  std::shared_ptr<NativeHistogram> increase(const Window& range, const HistogramWindow& window, const Kind& kind);

  // The histogram at a time, interpolated between those around it; null when there is none before it, or they do not
  // fit.
  HistogramRef smoothed_at(int64_t t_ms, const HistogramWindow& window);

 private:
  const NativeHistogram& at(size_t i) const { return *h_.at[i]; }
  bool can_be_combined(size_t first, size_t last, bool counter);
  std::shared_ptr<NativeHistogram> interpolated(size_t before, int64_t t_ms, bool counter);
  bool add_lost_to_resets(const Window& range, size_t first, size_t last, const NativeHistogram& left,
                          const NativeHistogram& right, bool smoothed, NativeHistogram& sum);
  bool add_told(NativeHistogram& h, const NativeHistogram& other);
  bool subtract_told(NativeHistogram& h, const NativeHistogram& other);

  QueryContext& context_;
  const std::string_view metric_;
  const Histograms& h_;
  const TextOffset at_;
};

}  // namespace tidemark::promql
