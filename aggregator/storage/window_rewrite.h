// WindowRewriter: the background work on closed windows (days that nothing is regularly appended to any more).
//
// Chunks end early when the store is closed, when memory is short and when samples come late, and overlap when they
// come late. Once a window is closed, each of its series is looked at: where fewer chunks can hold the same samples,
// the short and overlapping ones are merged and written anew as full ones.
//
//   for each window with work: all series by id, in pieces
//     a piece:  read the chunks of some series  ->  one ingest: the new chunks, the deletion of exactly those they
//               replace, and "series below N are done"
//   later, when late samples marked series dirty (window_marks.h): the same for these series alone
//
// Where rollups are wanted, a piece also folds its series into them (rollup_writer.h), in the same ingest.
//
// A crash loses the piece under way, which the next start does again. Memory is bounded by one series' chunks and one
// file's block; what a piece reads, by Limits.
//
// What does not read is left where it is, and the rest goes on. Should damage keep a window from being finished in
// three rounds, it counts as done: its raw samples go when their time is over, and the log says so while they are
// there.
//
// What was deleted is taken out before chunks are merged (tombstones.h). A tombstone goes in the ingest after which all
// its series have been gone through and read, by one process: what another could not read is not remembered. Series
// that have no chunk left then go from the window's postings (unpost.h).
//
// Versions: a new chunk carries the newest version of those it replaces, so a later chunk with another value at the
// same time still wins over it. Should a new chunk have the key of a replaced one (same start, same version), it takes
// its place by overwriting; deleted are only keys that get nothing new.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "aggregator/storage/chunk_merge.h"
#include "aggregator/storage/ingest.h"
#include "aggregator/storage/metrics.h"
#include "aggregator/storage/tombstones.h"
#include "aggregator/storage/window_marks.h"
#include "model/clock.h"
#include "model/log.h"

namespace tidemark::storage {

// Chunks [begin, end) of a series that fewer can replace; begin == end: leave them all.
struct ChunkRun {
  size_t begin = 0;
  size_t end = 0;
};
// REQUIRES: sorted by first sample. Full chunks before and behind the others stay as they are.
ChunkRun run_to_rewrite(const std::vector<ReadChunk>& chunks);

class WindowRewriter {
 public:
  struct Limits {
    // A tenth of a second: what a checkpoint may have to wait for.
    size_t samples_in_piece = 4'000'000;
    // Each chunk read counts as that many samples, so that a piece of nothing but full chunks ends, too.
    size_t samples_a_chunk = 16;
    // After a window's end, for samples under way.
    int64_t grace_ms = 3'600'000;
  };
  // Told of series that left a window's postings.
  using NotPosted = std::function<void(Window, const Roaring&)>;

  // Which windows may be looked at: those from `oldest` on that ended before both times.
  struct Bounds {
    Window oldest = 0;
    int64_t now_ms = 0;
    int64_t newest_ms = 0;  // Of all samples: the window that holds it is never closed.
    uint64_t tiers = 0;     // Rollups wanted (tier_bit). A window that is done without one is gone through again.
  };

  WindowRewriter(Rocks& rocks, Metrics& metrics, Logger& logger, const Clock& clock, std::string ingest_dir,
                 const Limits& limits, Tombstones& tombstones, NotPosted not_posted = nullptr)
      : rocks_(rocks),
        metrics_(metrics),
        logger_(logger),
        clock_(clock),
        ingest_dir_(std::move(ingest_dir)),
        limits_(limits),
        tombstones_(tombstones),
        not_posted_(std::move(not_posted)) {}

  // All that was wanted of the window is done and clean: its raw samples are not needed for it any more.
  static Result<bool> is_done(Rocks& rocks, Window window, uint64_t tiers);

  // Does the next piece. False when there is none: all windows within the bounds are done and clean. A window that
  // fails is left for the next round. REQUIRES: no checkpoint and no retention runs meanwhile.
  bool step(const Bounds& bounds);

  // One piece of taking what tombstones cover out of a window that need not be closed. `left`: the series to do, of
  // which it takes out those it did; when none is left, the tombstones go.
  Status clean(Window window, Roaring& left, const std::vector<TombstoneKey>& tombstones);

 private:
  class Piece;
  void count_due(const std::vector<Window>& windows, uint64_t tiers);

  // What the window's pieces replaced leaves the disk. Nothing is done where that has happened.
  void compact_soon(Window window);
  // Those whose series are all below `next_id` and none of `dirty`, and were all read since the start. Where only that
  // is missing, `again` gets the series.
  std::vector<TombstoneKey> finished(Window window, uint64_t next_id, const Roaring& dirty, Roaring* again) const;
  Result<bool> step_in(Window window, uint64_t tiers);
  // For one that failed by damage.
  Status count_as_done(Window window, uint64_t tiers);

  Rocks& rocks_;
  Metrics& metrics_;
  Logger& logger_;
  const Clock& clock_;
  const std::string ingest_dir_;
  const Limits limits_;
  Tombstones& tombstones_;
  const NotPosted not_posted_;
  // Series that did not read: what is deleted of them stays in files, so its tombstone stays.
  std::map<Window, Roaring> unreadable_;
  // Of windows in which something is deleted: the series that were gone through. A former process may have found some
  // of them unreadable.
  std::map<Window, Roaring> visited_;
  std::map<Window, unsigned> damaged_;  // In how many rounds.
  Window next_window_ = INT32_MIN;      // Of this round.
  bool first_round_ = true;
};

}  // namespace tidemark::storage
