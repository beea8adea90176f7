#include "aggregator/storage/histogram_merge.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "aggregator/storage/chunk_merge.h"
#include "aggregator/storage/histogram_chunk.h"

namespace tidemark::storage {

void HistogramMerge::reset(std::vector<ReadChunk> chunks, std::vector<ReadHistogram> late, int64_t min_ms,
                           int64_t max_ms) {
  chunks_ = std::move(chunks);
  std::sort(chunks_.begin(), chunks_.end(), [](const ReadChunk& a, const ReadChunk& b) {
    return a.first_ms != b.first_ms ? a.first_ms < b.first_ms : a.version < b.version;
  });
  late_ = std::move(late);
  min_ms_ = min_ms;
  max_ms_ = max_ms;
  rewind();
}

void HistogramMerge::rewind() {
  at_ = 0;
  late_at_ = 0;
  group_.clear();
  group_at_ = 0;
  previous_ = nullptr;
  status_ = {};
}

void HistogramMerge::decode(const ReadChunk& chunk) {
  const std::vector<HistogramSample> samples = decode_histograms(chunk.view());
  if (samples.empty()) {
    status_ = Status::corruption("a chunk of histograms does not decode");
    return;
  }
  const StartRuns starts = StartRuns::parse(chunk.starts).value_or(StartRuns());
  for (const HistogramSample& sample : samples) {
    group_.push_back({sample.t_ms, starts.at(sample.t_ms), chunk.version, sample.histogram});
  }
}

bool HistogramMerge::begin_group() {
  group_.clear();
  group_at_ = 0;
  if (at_ == chunks_.size() && late_at_ == late_.size()) return false;
  int64_t last_ms = INT64_MAX;
  if (at_ < chunks_.size()) {
    last_ms = chunks_[at_].last_ms;
    do {
      last_ms = std::max(last_ms, chunks_[at_].last_ms);
      decode(chunks_[at_++]);
      if (!status_.ok()) return false;
    } while (at_ < chunks_.size() && chunks_[at_].first_ms <= last_ms);
    if (at_ == chunks_.size()) last_ms = INT64_MAX;
  }
  for (; late_at_ < late_.size() && late_[late_at_].t_ms <= last_ms; ++late_at_) group_.push_back(late_[late_at_]);
  std::stable_sort(group_.begin(), group_.end(), [](const ReadHistogram& a, const ReadHistogram& b) {
    return a.t_ms != b.t_ms ? a.t_ms < b.t_ms : a.version < b.version;
  });
  size_t kept = 0;
  for (size_t i = 0; i < group_.size(); ++i) {
    if (i + 1 == group_.size() || group_[i + 1].t_ms != group_[i].t_ms) group_[kept++] = std::move(group_[i]);
  }
  group_.resize(kept);
  return true;
}

HistogramRef HistogramMerge::with_hint(const HistogramRef& histogram, Hints hints) const {
  if (hints == Hints::kAsTheyCame) return histogram;
  const CounterReset hint = hint_as_stored(previous_.get(), *histogram);
  if (hint == histogram->reset) return histogram;
  auto other = std::make_shared<NativeHistogram>(*histogram);
  other->reset = hint;
  return other;
}

size_t HistogramMerge::next(std::span<int64_t> t_ms, std::span<HistogramRef> histograms, Hints hints) {
  size_t n = 0;
  bool any_starts = false;
  starts_.clear();
  while (n < t_ms.size()) {
    if (group_at_ == group_.size() && !begin_group()) break;
    const ReadHistogram& sample = group_[group_at_++];
    if (sample.t_ms > max_ms_) {
      at_ = chunks_.size();
      late_at_ = late_.size();
      group_at_ = group_.size();
      break;
    }
    if (sample.t_ms >= min_ms_) {
      t_ms[n] = sample.t_ms;
      histograms[n] = with_hint(sample.histogram, hints);
      starts_.push_back(sample.start_ms);
      any_starts |= sample.start_ms != kNoStart;
      ++n;
    }
    previous_ = sample.histogram;
  }
  if (!any_starts) starts_.clear();
  return status_.ok() ? n : 0;
}

}  // namespace tidemark::storage
