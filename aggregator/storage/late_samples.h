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
#include "model/sample.h"

namespace tidemark::storage {

struct LateSample {
  int64_t t_ms = 0;
  double v = 0;
  Position position = 0;
  int64_t start_ms = kNoStart;

  bool operator==(const LateSample&) const = default;
};

class LateSamples {
 public:
  bool empty() const { return samples_.empty(); }
  size_t size() const { return samples_.size(); }
  const std::vector<LateSample>& all() const { return samples_; }  // By time, then position.

  // A second value of one commit at one time takes the first one's place.
  void add(const LateSample& sample);
  // The one that counts at `t_ms`.
  const LateSample* find(int64_t t_ms) const;
  // Those before `before_ms` that commits up to `up_to` brought.
  std::vector<LateSample> copy(int64_t before_ms, Position up_to) const;
  // Removes what copy() gave earlier.
  void remove(const std::vector<LateSample>& copied);
  // Removes all from `min_ms` to `max_ms`, both inclusive.
  void erase(int64_t min_ms, int64_t max_ms);

 private:
  std::vector<LateSample> samples_;
};

// Of samples by time, then position: those that count, of the commits up to `view`, within the bounds.
std::vector<LateSample> newest_of(const std::vector<LateSample>& samples, Position view, int64_t min_ms,
                                  int64_t max_ms);

}  // namespace tidemark::storage
