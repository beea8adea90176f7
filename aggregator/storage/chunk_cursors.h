// ChunkCursors: where a reader of many series' raw chunks stands in the chunks family.
//
// Chunks are in order of window and series. Who reads series by rising ids comes to the next one's chunks by passing
// the last of the one before, without looking for them; with one cursor a window also where series have chunks in
// several.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "aggregator/storage/keys.h"
#include "aggregator/storage/rocks.h"

namespace tidemark::storage {

// One thread.
class ChunkCursors {
 public:
  explicit ChunkCursors(Rocks& rocks) : rocks_(rocks) {}

  // From now on what `snapshot` holds. The one before may go afterwards.
  void reset(const rocksdb::Snapshot* snapshot);

  // At the first key that is not before the series' chunks in the window. The caller may move it on. It is the same
  // iterator for many windows, so it is of use until the next call.
  rocksdb::Iterator& at(Window window, SeriesId series);

  uint64_t looked_for() const { return looked_for_; }  // Calls of at().

 private:
  struct Cursor {
    std::unique_ptr<rocksdb::Iterator> chunks;
    std::string sought;  // The prefix it was last asked for; empty: none.
    bool stands_behind(const std::string& prefix) const;
  };
  // Windows share one when there are more.
  static constexpr size_t kCursors = 4;

  Rocks& rocks_;
  const rocksdb::Snapshot* snapshot_ = nullptr;
  std::array<Cursor, kCursors> cursors_;
  uint64_t looked_for_ = 0;
};

}  // namespace tidemark::storage
