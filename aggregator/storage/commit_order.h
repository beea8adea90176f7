// CommitOrder: gives commits their positions and decides what readers see.
//
// Samples enter the head before their log record is written, so they must stay hidden until then. A commit is published
// when it and every commit before it are in the log; a reader's view is the last published position, and each series
// knows which samples came after a view (see Mark in head_shard.h). So a batch shows whole or not at all, across
// shards.
//
// Two commits that write one series at the same time may reach it in the other order than their positions. Then the
// earlier is *tied* to the later: no view is ever put between them.
//
//   position   1     2     3     4        1 is tied to 3, 4 is still being written:
//   state      done  done  done  open     the published position goes from 0 to 3 at once
//
// Thread-safe. Its mutex is held for a few instructions a commit, never a sample.
#pragma once

#include <atomic>
#include <map>
#include <set>

#include "aggregator/storage/keys.h"
#include "model/mutex.h"

namespace tidemark::storage {

class CommitOrder {
 public:
  // All positions up to `last` are taken and published.
  explicit CommitOrder(Position last) : last_given_(last), published_(last), oldest_view_(last) {}

  // Every position that begins must finish or fail.
  Position begin();
  // Its record, if it has any, is in the log. `tied_to` is the highest position it must be seen together with, or 0.
  void finish(Position position, Position tied_to);
  // Its record may or may not be in the log: nothing is published any more, and all who wait are told.
  void fail();
  // False when it never will be.
  bool wait_published(Position position);

  Position last_given() const;

  // What a reader may see from now on; give it back with close_view().
  Position open_view();
  void close_view(Position view);
  // No view, open now or later, is older than this.
  Position oldest_view() const { return oldest_view_.load(std::memory_order_acquire); }

 private:
  struct InFlight {
    bool done = false;
    Position tied_to = 0;
  };
  void publish() TM_REQUIRES(mu_);
  void update_oldest_view() TM_REQUIRES(mu_);

  mutable Mutex mu_;
  CondVar published_changed_;
  std::map<Position, InFlight> in_flight_ TM_GUARDED_BY(mu_);  // As many as there are commits at work.
  std::multiset<Position> views_ TM_GUARDED_BY(mu_);           // As many as there are queriers.
  Position last_given_ TM_GUARDED_BY(mu_);
  Position published_ TM_GUARDED_BY(mu_);
  bool failed_ TM_GUARDED_BY(mu_) = false;
  std::atomic<Position> oldest_view_;  // Release: who reads a value also sees what was published before it.
};

}  // namespace tidemark::storage
