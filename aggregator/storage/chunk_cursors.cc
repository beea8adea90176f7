#include "aggregator/storage/chunk_cursors.h"

namespace tidemark::storage {

// Whether it has passed all chunks of what was sought and nothing from `prefix` on.
bool ChunkCursors::Cursor::stands_behind(const std::string& prefix) const {
  if (sought.empty() || sought >= prefix) return false;
  if (!chunks->Valid()) return chunks->status().ok();
  return !chunks->key().starts_with(sought) && chunks->key().compare(prefix) >= 0;
}

void ChunkCursors::reset(const rocksdb::Snapshot* snapshot) {
  cursors_ = {};
  snapshot_ = snapshot;
}

rocksdb::Iterator& ChunkCursors::at(Window window, SeriesId series) {
  ++looked_for_;
  Cursor& cursor = cursors_[static_cast<uint64_t>(window) % kCursors];
  std::string prefix = chunk_series_prefix(Tier::kRaw, window, series);
  // One that met damage is of no use any more.
  if (!cursor.chunks || !cursor.chunks->status().ok()) {
    cursor.chunks.reset(rocks_.db().NewIterator(iterator_options(snapshot_), rocks_.family(Family::kChunks)));
    cursor.sought.clear();
  }
  if (!cursor.stands_behind(prefix)) cursor.chunks->Seek(prefix);
  cursor.sought = std::move(prefix);
  return *cursor.chunks;
}

}  // namespace tidemark::storage
