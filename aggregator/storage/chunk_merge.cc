#include "aggregator/storage/chunk_merge.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace tidemark::storage {

void ChunkMerge::reset(std::vector<ReadChunk> chunks, int64_t min_ms, int64_t max_ms,
                       std::vector<ReadHistogram> late_histograms) {
  const auto of_histograms = [](const ReadChunk& chunk) { return chunk.codec == Codec::kHistograms; };
  std::vector<ReadChunk> histograms;
  if (std::any_of(chunks.begin(), chunks.end(), of_histograms)) {
    std::copy_if(chunks.begin(), chunks.end(), std::back_inserter(histograms), of_histograms);
    std::erase_if(chunks, of_histograms);
  }
  histograms_.reset(std::move(histograms), std::move(late_histograms), min_ms, max_ms);
  chunks_ = std::move(chunks);
  // Of chunks that are the same the latest stays, which comes first: another may have come in between and counts less.
  std::sort(chunks_.begin(), chunks_.end(), [](const ReadChunk& a, const ReadChunk& b) {
    return a.first_ms != b.first_ms ? a.first_ms < b.first_ms : a.version > b.version;
  });
  const auto same = [](const ReadChunk& a, const ReadChunk& b) {
    return a.first_ms == b.first_ms && a.last_ms == b.last_ms && a.count == b.count && a.payload == b.payload &&
           a.starts == b.starts;
  };
  chunks_.erase(std::unique(chunks_.begin(), chunks_.end(), same), chunks_.end());
  min_ms_ = min_ms;
  max_ms_ = max_ms;
  any_starts_ = starts_asked_ && std::any_of(chunks_.begin(), chunks_.end(),
                                             [](const ReadChunk& chunk) { return !chunk.starts.empty(); });
  starts_of_.clear();
  if (any_starts_) {
    for (const ReadChunk& chunk : chunks_) starts_of_.push_back(StartRuns::parse(chunk.starts).value_or(StartRuns()));
  }
  rewind();
}

void ChunkMerge::rewind() {
  histograms_.rewind();
  at_ = 0;
  plain_ = false;
  merged_.clear();
  merged_at_ = 0;
  status_ = {};
}

bool ChunkMerge::begin_group() {
  if (at_ == chunks_.size()) return false;
  size_t end = at_ + 1;
  int64_t last_ms = chunks_[at_].last_ms;
  while (end < chunks_.size() && chunks_[end].first_ms <= last_ms) last_ms = std::max(last_ms, chunks_[end++].last_ms);
  plain_ = end == at_ + 1;
  if (plain_) {
    decoder_ = ChunkDecoder(chunks_[at_].view());
    if (chunks_[at_].first_ms < min_ms_) decoder_.skip_to(min_ms_);
    ++at_;
  } else {
    merge_group(end);
  }
  return true;
}

void ChunkMerge::merge_group(size_t end) {
  merged_.clear();
  merged_at_ = 0;
  std::vector<int64_t> t_ms;
  std::vector<double> v;
  for (; at_ < end; ++at_) {
    const ReadChunk& chunk = chunks_[at_];
    t_ms.resize(chunk.count);
    v.resize(chunk.count);
    ChunkDecoder decoder(chunk.view());
    const size_t count = decoder.next(t_ms, v);
    if (!decoder.ok()) {
      status_ = Status::corruption("a chunk does not decode");
      merged_.clear();
      at_ = chunks_.size();
      return;
    }
    for (size_t i = 0; i < count; ++i) {
      if (t_ms[i] >= min_ms_ && t_ms[i] <= max_ms_) merged_.push_back({t_ms[i], v[i], static_cast<uint32_t>(at_)});
    }
  }
  // The later version behind the earlier, then only the last of equal times stays.
  std::stable_sort(merged_.begin(), merged_.end(), [&](const Merged& a, const Merged& b) {
    return a.t_ms != b.t_ms ? a.t_ms < b.t_ms : chunks_[a.chunk].version < chunks_[b.chunk].version;
  });
  size_t kept = 0;
  for (size_t i = 0; i < merged_.size(); ++i) {
    if (i + 1 == merged_.size() || merged_[i + 1].t_ms != merged_[i].t_ms) merged_[kept++] = merged_[i];
  }
  merged_.resize(kept);
}

size_t ChunkMerge::keep_in_bounds(std::span<int64_t> t_ms, std::span<double> v, size_t count) const {
  if (count == 0 || (t_ms[0] >= min_ms_ && t_ms[count - 1] <= max_ms_)) return count;
  const auto times = t_ms.first(count);
  const auto begin = std::lower_bound(times.begin(), times.end(), min_ms_) - times.begin();
  const auto end = std::upper_bound(times.begin() + begin, times.end(), max_ms_) - times.begin();
  std::copy(times.begin() + begin, times.begin() + end, t_ms.begin());
  std::copy(v.begin() + begin, v.begin() + end, v.begin());
  return static_cast<size_t>(end - begin);
}

size_t ChunkMerge::next(std::span<int64_t> t_ms, std::span<double> v) {
  size_t filled = 0;
  starts_.clear();
  while (filled < t_ms.size() && status_.ok()) {
    size_t count = 0;
    if (plain_) {
      count = decoder_.next(t_ms.subspan(filled), v.subspan(filled));
      if (!decoder_.ok()) status_ = Status::corruption("a chunk does not decode");
      if (count == 0) plain_ = false;
      count = keep_in_bounds(t_ms.subspan(filled), v.subspan(filled), count);
      if (any_starts_) {
        for (const int64_t t : t_ms.subspan(filled, count)) starts_.push_back(starts_of_[at_ - 1].at(t));
      }
    } else if (merged_at_ < merged_.size()) {
      count = std::min(t_ms.size() - filled, merged_.size() - merged_at_);
      for (size_t i = 0; i < count; ++i) {
        t_ms[filled + i] = merged_[merged_at_ + i].t_ms;
        v[filled + i] = merged_[merged_at_ + i].v;
      }
      if (any_starts_) {
        for (size_t i = 0; i < count; ++i) {
          const Merged& sample = merged_[merged_at_ + i];
          starts_.push_back(starts_of_[sample.chunk].at(sample.t_ms));
        }
      }
      merged_at_ += count;
    } else if (!begin_group()) {
      break;
    }
    filled += count;
  }
  return status_.ok() ? filled : 0;
}

}  // namespace tidemark::storage
