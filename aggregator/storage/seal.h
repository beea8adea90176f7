// From what left the open chunks to chunks as files have them: late samples merged in, cut by window, in the codec that
// is smallest.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "aggregator/storage/head_shard.h"
#include "aggregator/storage/lifetimes.h"
#include "model/status.h"

namespace tidemark::storage {

// The windows a series' sealed samples lie in, in order.
std::vector<Window> windows_of(const SealedSeries& sealed);

// From its first to its last sealed sample in that window, which is one of windows_of().
Lifetime lifetime_in(const SealedSeries& sealed, Window window);

struct MadeChunk {
  int64_t first_ms = 0;
  std::string bytes;
};

// The series' chunks of one window, in order; those of one kind of samples do not overlap. An error when a chunk of the
// head does not decode.
Result<std::vector<MadeChunk>> seal_chunks(const SealedSeries& sealed, Window window);

}  // namespace tidemark::storage
