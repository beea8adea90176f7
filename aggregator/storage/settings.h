// The few values of the store itself, in the default family. See keys.h.
#pragma once

#include <optional>

#include "aggregator/storage/rocks.h"

namespace tidemark::storage {

// Number of shards, fixed when the store is created: checkpoints are kept by shard. Creates the record in an empty
// store; fails when the format in it is newer than ours.
Result<unsigned> read_or_create_shards(Rocks& rocks, unsigned wanted);
// Nothing when there is no record.
Result<std::optional<unsigned>> read_shards(Rocks& rocks);
// Writes our format into a record that has an older one; synced when it returns. REQUIRES: there is a record.
Status raise_recorded_format(Rocks& rocks);

// Time before which nothing is kept or taken any more. Nothing when no window was ever dropped.
Result<std::optional<int64_t>> read_oldest_kept_ms(Rocks& rocks);
Status write_oldest_kept_ms(Rocks& rocks, int64_t t_ms);  // Synced when it returns.

}  // namespace tidemark::storage
