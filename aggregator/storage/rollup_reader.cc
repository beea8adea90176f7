#include "aggregator/storage/rollup_reader.h"

#include "aggregator/storage/rollup_chunk.h"

namespace tidemark::storage {

Result<std::vector<Bucket>> read_rollup(Rocks& rocks, const rocksdb::ReadOptions& options, Tier tier, Window window,
                                        SeriesId id) {
  rocksdb::PinnableSlice value;
  const rocksdb::Status status =
      rocks.db().Get(options, rocks.family(Family::kChunks), rollup_key(tier, window, id), &value);
  if (status.IsNotFound()) return std::vector<Bucket>{};
  if (!status.ok()) return fail(to_status(status, "reading a rollup"));
  return parse_rollup(view(value));
}

std::string rollup_key(Tier tier, Window window, SeriesId id) {
  return chunk_key({tier, window, id, window_start_ms(tier, window), 0});
}

}  // namespace tidemark::storage
