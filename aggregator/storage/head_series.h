// HeadSeries: one active series as its shard keeps it. 64 bytes in every series' life; what only some have, and few
// have for long, lies apart.
#pragma once

#include <absl/container/inlined_vector.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "aggregator/storage/late_samples.h"
#include "aggregator/storage/open_chunk.h"
#include "aggregator/storage/start_runs.h"

namespace tidemark::storage {

// Samples later than `before_ms` came with commit `position` or later ones. Kept as long as an open view may need it.
struct Mark {
  Position position = 0;  // 0: none.
  int64_t before_ms = 0;
};

// Sealed chunks are shared with who is reading or writing them.
using SharedChunk = std::shared_ptr<const OwnedChunk>;
using SharedChunks = absl::InlinedVector<SharedChunk, 1>;  // Of a series; more than one is rare.

struct HeadExtra {
  SharedChunks sealed;  // Oldest first, until a checkpoint has them in files.
  LateSamples late;
  std::vector<Mark> older_marks;  // Before the series' own, rising.
  StartRuns starts;               // Of the open chunk's samples.
  // All native histograms in memory, each with the commit that brought it. A series that has one is, to what handles
  // floats, a series whose newest sample is in files: its time is that of the empty open chunk.
  LateHistograms histograms;

  bool empty() const {
    return sealed.empty() && late.empty() && older_marks.empty() && starts.empty() && histograms.empty();
  }
};

struct HeadSeries {
  SeriesId id = 0;                // 0: the slot is free.
  uint32_t touched_min : 26 = 0;  // Of the last append, in minutes since 1970.
  uint32_t starts : 1 = 0;        // Samples of the open chunk have start timestamps: in the HeadExtra.
  uint32_t defined : 1 = 0;       // Its record is in the log or in files.
  uint32_t extra : 1 = 0;         // The shard has a HeadExtra of it.
  uint32_t older_marks : 1 = 0;   // It has older marks: appends look there only then.
  uint32_t last_unknown : 1 = 0;  // The value at open.last_ms() is not open.last_bits(): look.
  Mark mark;                      // The newest.
  OpenChunk open;
};

static_assert(sizeof(HeadSeries) == 64);

}  // namespace tidemark::storage
