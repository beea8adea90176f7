// HistogramBuffer: all native histograms of one series in what a query reads of it, in columns that are reused from
// series to series.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "aggregator/promql/context.h"
#include "aggregator/storage/querier.h"
#include "model/native_histogram.h"
#include "model/sample.h"
#include "model/status.h"

namespace tidemark::promql {

// A series' histograms in one range, oldest first.
struct Histograms {
  std::span<const int64_t> t_ms;
  std::span<const HistogramRef> at;
  std::span<const int64_t> start_ms = {};  // Start timestamps, or none at all.

  bool empty() const { return t_ms.empty(); }
  size_t size() const { return t_ms.size(); }
};

// How much of a histogram is kept.
enum class HistogramDetail {
  kAll,
  // Sum, count and schema. Whether one is a reset could not be told from these, so it is found out while the buckets
  // are there, and becomes its hint: kReset or kNotReset where it was kUnknown, but for the first one read.
  kTotals,
};

class HistogramBuffer {
 public:
  HistogramBuffer(QueryContext& context, HistogramDetail detail)
      : context_(context), charge_(context), detail_(detail) {}

  Status fill(storage::SampleReader& reader);

  bool empty() const { return t_.empty(); }
  Histograms histograms() const { return {t_, at_, start_}; }

 private:
  static constexpr size_t kBlock = 64;  // Histograms between two looks at the clock and the budget.

  void keep_totals();

  QueryContext& context_;
  Charge charge_;
  const HistogramDetail detail_;
  std::vector<int64_t> t_;
  std::vector<HistogramRef> at_;
  std::array<int64_t, kBlock> block_t_;
  std::array<HistogramRef, kBlock> block_;  // Null between two fills.
  std::vector<int64_t> start_;              // Empty while none has one.
};

// Walks them with a step's two questions: is there one at or before, and which is the newest.
class HistogramCursor {
 public:
  void begin(const Histograms& histograms) {
    histograms_ = histograms;
    next_ = 0;
  }
  // REQUIRES: t_ms does not fall between calls.
  void advance(int64_t t_ms) {
    while (next_ < histograms_.size() && histograms_.t_ms[next_] <= t_ms) ++next_;
  }
  bool found() const { return next_ > 0; }
  int64_t t_ms() const { return histograms_.t_ms[next_ - 1]; }
  int64_t start_ms() const { return histograms_.start_ms.empty() ? kNoStart : histograms_.start_ms[next_ - 1]; }
  const HistogramRef& histogram() const { return histograms_.at[next_ - 1]; }

 private:
  Histograms histograms_;
  size_t next_ = 0;
};

}  // namespace tidemark::promql
