// Reading one series' rollup out of files.
#pragma once

#include <vector>

#include "aggregator/storage/keys.h"
#include "aggregator/storage/rocks.h"
#include "aggregator/storage/rollup.h"
#include "model/status.h"

namespace tidemark::storage {

// The buckets of the series in a window of a rollup tier, by time; none where it has no chunk there. kCorruption for
// one that does not read.
Result<std::vector<Bucket>> read_rollup(Rocks& rocks, const rocksdb::ReadOptions& options, Tier tier, Window window,
                                        SeriesId id);
// Of its chunk.
std::string rollup_key(Tier tier, Window window, SeriesId id);

}  // namespace tidemark::storage
