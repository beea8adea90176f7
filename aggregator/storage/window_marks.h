// What the store knows of its background work on a closed window (window_rewrite.h): two records among the raw
// window's postings, so that they go with the window.
//
//   'R'  progress   varint(next id) | varint(products) | checksum:4
//                   Series below `next id` are done; 2^32: all are. Absent: the work has not begun.
//   'D'  dirty      bitmaps (postings.h) of series that got chunks, or lost samples, since the work began
//
// A checkpoint adds dirty marks in the ingest that brings the chunks, but only to windows with a progress record: what
// comes before the work begins is met by it anyway. The work takes marks away in the ingest that does what they ask
// for. Checkpoints and that work never overlap (both run on the maintenance thread), so no mark is lost between
// reading and taking away.
#pragma once

#include <rocksdb/write_batch.h>

#include <map>
#include <optional>
#include <roaring/roaring.hh>
#include <string>

#include "aggregator/storage/ingest.h"
#include "aggregator/storage/keys.h"
#include "aggregator/storage/rocks.h"
#include "model/status.h"

namespace tidemark::storage {

struct WindowProgress {
  static constexpr uint64_t kAllIds = uint64_t{1} << 32;

  uint64_t next_id = 0;
  uint64_t products = 0;  // Bits, one for each tier that was made of the series below next_id.

  bool done() const { return next_id >= kAllIds; }
  bool operator==(const WindowProgress&) const = default;
};

std::string encode_progress(const WindowProgress& progress);
Result<WindowProgress> parse_progress(std::string_view bytes);

// Nothing when the work on the window has not begun.
Result<std::optional<WindowProgress>> read_progress(Rocks& rocks, Window window);
// Empty when there are none.
Result<Roaring> read_dirty(Rocks& rocks, Window window);

// For a checkpoint: these series get chunks in these windows. Begins files of its own.
Status add_dirty_marks(Rocks& rocks, Ingest& ingest, const std::map<Window, Roaring>& series);
// For a delete: samples of these series in these windows are deleted.
Status add_dirty_marks(Rocks& rocks, rocksdb::WriteBatch& batch, const std::map<Window, Roaring>& series);

}  // namespace tidemark::storage
