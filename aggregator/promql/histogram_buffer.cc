#include "aggregator/promql/histogram_buffer.h"

#include <memory>
#include <utility>

#include "model/histogram_math.h"

namespace tidemark::promql {
Status HistogramBuffer::fill(storage::SampleReader& reader) {
  t_.clear();
  at_.clear();
  start_.clear();
  charge_.reset();
  for (;;) {
    const size_t got = reader.next_histograms(block_t_, block_);
    if (got == 0) break;
    if (Status status = context_.poll(); !status.ok()) return status;
    context_.count_read(got);
    const std::span<const int64_t> starts = reader.histogram_starts();
    if (!starts.empty() || !start_.empty()) {
      start_.resize(t_.size(), kNoStart);
      start_.insert(start_.end(), starts.begin(), starts.end());
      start_.resize(t_.size() + got, kNoStart);
    }
    size_t bytes = 0;
    for (size_t i = 0; i < got; ++i) {
      bytes += block_[i]->bytes() + sizeof(int64_t) + sizeof(HistogramRef);
      t_.push_back(block_t_[i]);
      at_.push_back(std::move(block_[i]));
    }
    if (Status status = charge_.add(0, bytes); !status.ok()) return status;
  }
  if (at_.empty()) return {};  // The floats tell whether the reader failed.
  if (detail_ == HistogramDetail::kTotals) keep_totals();
  return reader.status();
}

void HistogramBuffer::keep_totals() {
  HistogramRef previous;
  for (HistogramRef& one : at_) {
    auto totals = std::make_shared<NativeHistogram>();
    totals->reset = one->reset;
    totals->schema = one->schema;
    totals->count = one->count;
    totals->sum = one->sum;
    if (one->reset == CounterReset::kUnknown && previous != nullptr) {
      totals->reset = is_reset(*previous, *one) ? CounterReset::kReset : CounterReset::kNotReset;
    }
    previous = std::exchange(one, std::move(totals));
  }
}

}  // namespace tidemark::promql
