#include "aggregator/storage/late_samples.h"

#include <algorithm>
#include <utility>

namespace tidemark::storage {
namespace {

template <class Late>
bool before(const Late& a, const Late& b) {
  return a.t_ms != b.t_ms ? a.t_ms < b.t_ms : a.position < b.position;
}

}  // namespace

template <class Late>
std::optional<Late> LateList<Late>::add(const Late& sample) {
  // Most come behind all others: backfill goes forward.
  if (samples_.empty() || before(samples_.back(), sample)) {
    samples_.push_back(sample);
    return std::nullopt;
  }
  const auto at = std::lower_bound(samples_.begin(), samples_.end(), sample, before<Late>);
  if (at != samples_.end() && at->t_ms == sample.t_ms && at->position == sample.position) {
    return std::exchange(*at, sample);
  }
  samples_.insert(at, sample);
  return std::nullopt;
}

template <class Late>
const Late* LateList<Late>::find(int64_t t_ms) const {
  const auto after = std::upper_bound(samples_.begin(), samples_.end(), t_ms,
                                      [](int64_t t, const Late& sample) { return t < sample.t_ms; });
  if (after == samples_.begin() || (after - 1)->t_ms != t_ms) return nullptr;
  return &*(after - 1);
}

template <class Late>
std::vector<Late> LateList<Late>::copy(int64_t before_ms, Position up_to) const {
  std::vector<Late> out;
  for (const Late& sample : samples_) {
    if (sample.t_ms < before_ms && sample.position <= up_to) out.push_back(sample);
  }
  return out;
}

template <class Late>
void LateList<Late>::remove(const std::vector<Late>& copied) {
  auto next = copied.begin();
  std::erase_if(samples_, [&](const Late& sample) {
    while (next != copied.end() && before(*next, sample)) ++next;
    return next != copied.end() && next->t_ms == sample.t_ms && next->position == sample.position;
  });
  if (samples_.empty()) samples_.shrink_to_fit();
}

template <class Late>
void LateList<Late>::erase(int64_t min_ms, int64_t max_ms) {
  std::erase_if(samples_, [&](const Late& sample) { return sample.t_ms >= min_ms && sample.t_ms <= max_ms; });
  if (samples_.empty()) samples_.shrink_to_fit();
}

template <class Late>
std::vector<Late> newest_of(const std::vector<Late>& samples, Position view, int64_t min_ms, int64_t max_ms) {
  std::vector<Late> out;
  for (const Late& sample : samples) {
    if (sample.position > view || sample.t_ms < min_ms || sample.t_ms > max_ms) continue;
    if (!out.empty() && out.back().t_ms == sample.t_ms) out.pop_back();
    out.push_back(sample);
  }
  return out;
}

template class LateList<LateSample>;
template class LateList<LateHistogram>;
template std::vector<LateSample> newest_of(const std::vector<LateSample>&, Position, int64_t, int64_t);
template std::vector<LateHistogram> newest_of(const std::vector<LateHistogram>&, Position, int64_t, int64_t);

}  // namespace tidemark::storage
