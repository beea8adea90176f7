// Turns: how many queries compute at a time. More than there are processors would only take them from each other, and
// from ingest: a commit waits for locks whose holders, queries that are reading, wait for a processor.
//
// A query that has computed for a while passes its place on when others wait, first to those that had none yet: so a
// small query waits for a moment behind any number of large ones. Admission (admission.h) decides which queries have
// begun at all; of those, turns decide which ones go on.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>

#include "aggregator/promql/query_account.h"
#include "model/mutex.h"

namespace prometheus {
class Counter;
}

namespace tidemark::promql {

// Thread-safe. At most as many wait as queries are admitted.
class Turns {
 public:
  // The counter counts how often one stood back for another, and is outlived.
  Turns(unsigned places, prometheus::Counter& passed) : free_(places), passed_(passed) {}

  unsigned waiting() const { return waiting_.load(std::memory_order_relaxed); }

  // One query's, on its own thread.
  class Turn {
   public:
    // Both are outlived. Waits for a place, or until the query has to end, which its next poll() will say.
    Turn(Turns& turns, const QueryAccount& query);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    // Stands back when others wait and this one had its time. To be called often, and holding no lock.
    void pause() {
      if (turns_.waiting_.load(std::memory_order_relaxed) > 0) stand_back();
    }

   private:
    friend class Turns;
    void stand_back();

    Turns& turns_;
    const QueryAccount& query_;
    int64_t began_ns_ = 0;
    CondVar given_;
    bool has_place_ = false;  // Guarded by Turns::mu_.
  };

 private:
  using Line = std::deque<Turn*>;

  void wait(Turn& turn, Line& line) TM_REQUIRES(mu_);
  // To the next in line, or to whoever comes.
  void give_place() TM_REQUIRES(mu_);

  Mutex mu_;
  unsigned free_ TM_GUARDED_BY(mu_);
  Line new_ TM_GUARDED_BY(mu_);   // Had no place yet.
  Line back_ TM_GUARDED_BY(mu_);  // Stood back.
  std::atomic<unsigned> waiting_{0};
  prometheus::Counter& passed_;
};

}  // namespace tidemark::promql
