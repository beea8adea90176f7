// StartRuns: the start timestamps of a chunk's samples, beside its columns: few runs, since most counters start once
// and count on, and most deltas are as long as those before them.
//
//   column   varint(runs) | run*
//   run      signed varint(from_ms - from_ms of the run before) | varint(kind) | signed varint(from_ms - start)
//   kind     0: no start timestamp (and no number)   1: all have the same   2: all lie as far behind theirs
//
// A run is for samples from `from_ms` on, up to the next run. So it is by their times that samples find their starts:
// what takes samples out of a chunk may leave the runs as they are. Exact for any start, also one behind its sample.
// No RocksDB here: bytes and spans.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/sample.h"

namespace tidemark::storage {

class StartRuns {
 public:
  // No sample before has one, so none has.
  bool empty() const { return runs_.empty(); }
  size_t memory_bytes() const { return runs_.capacity() * sizeof(Run); }

  // REQUIRES: t_ms is later than all before.
  void append(int64_t t_ms, int64_t start_ms);
  // kNoStart for a sample without one. REQUIRES: a time that append() was told of.
  int64_t at(int64_t t_ms) const;

  std::string encode() const;  // "" when empty.
  // Nothing when the bytes are no column. Any may be given.
  static std::optional<StartRuns> parse(std::string_view column);

 private:
  enum class Kind : uint8_t { kNone = 0, kSame = 1, kDistance = 2 };
  struct Run {
    int64_t from_ms = 0;
    int64_t distance_ms = 0;  // Of the start behind the first sample's time. May be negative.
    Kind kind = Kind::kNone;

    int64_t at(int64_t t_ms) const;
  };

  std::vector<Run> runs_;     // By time.
  bool last_is_one_ = false;  // The last run has a single sample, which fits both kinds.
};

// The column of samples with these starts, "" when none has one. REQUIRES: as many starts as times, or none; times
// rise.
std::string encode_starts(std::span<const int64_t> t_ms, std::span<const int64_t> start_ms);

}  // namespace tidemark::storage
