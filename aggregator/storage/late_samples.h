// LateSamples: what a series got at or before its newest time, until a checkpoint has it in files.
//
// Every value a time got is kept, with the commit that brought it, so that a query sees what was there at its view.
// Of equal times the later commit counts, and any of them before a sample that came in order. Not thread-safe: its
// shard guards it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "aggregator/storage/keys.h"
#include "model/native_histogram.h"
#include "model/sample.h"

namespace tidemark::storage {

struct LateSample {
  int64_t t_ms = 0;
  double v = 0;
  Position position = 0;
  int64_t start_ms = kNoStart;

  bool operator==(const LateSample&) const = default;
};

// A native histogram that is not in files yet, whether it came late or in order: see HeadExtra.
struct LateHistogram {
  int64_t t_ms = 0;
  HistogramRef histogram;
  Position position = 0;
  int64_t start_ms = kNoStart;

  bool operator==(const LateHistogram&) const = default;
};

template <class Late>  // LateSample or LateHistogram.
class LateList {
 public:
  bool empty() const { return samples_.empty(); }
  size_t size() const { return samples_.size(); }
  const std::vector<Late>& all() const { return samples_; }  // By time, then position.

  // A second value of one commit at one time takes the first one's place, which is returned.
  std::optional<Late> add(const Late& sample);
  // The one that counts at `t_ms`.
  const Late* find(int64_t t_ms) const;
  // Those before `before_ms` that commits up to `up_to` brought.
  std::vector<Late> copy(int64_t before_ms, Position up_to) const;
  // Removes what copy() gave earlier.
  void remove(const std::vector<Late>& copied);
  // Removes all from `min_ms` to `max_ms`, both inclusive.
  void erase(int64_t min_ms, int64_t max_ms);

 private:
  std::vector<Late> samples_;
};

using LateSamples = LateList<LateSample>;
using LateHistograms = LateList<LateHistogram>;

// Of samples by time, then position: those that count, of the commits up to `view`, within the bounds.
template <class Late>
std::vector<Late> newest_of(const std::vector<Late>& samples, Position view, int64_t min_ms, int64_t max_ms);

}  // namespace tidemark::storage
