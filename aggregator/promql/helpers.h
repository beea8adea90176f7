// Helpers: threads that lend a hand to queries under way. A query never waits for one to become free: it does its work
// on its own thread, and whichever helpers are idle take part.
#pragma once

#include <list>
#include <thread>
#include <vector>

#include "model/mutex.h"

namespace prometheus {
class Gauge;
}

namespace tidemark::promql {

// Work that several threads can do parts of.
class Job {
 public:
  virtual ~Job() = default;
  // Returns when there is nothing left to begin. Called by several threads at a time. Does not throw.
  virtual void help() = 0;
};

// Thread-safe. Joins its threads when it goes; REQUIRES: no loan is left then.
class Helpers {
 public:
  // They give way to threads that write: a lower priority, where the system allows one. `busy` follows how many are at
  // work, and outlives this.
  Helpers(unsigned threads, prometheus::Gauge& busy);
  ~Helpers();
  Helpers(const Helpers&) = delete;
  Helpers& operator=(const Helpers&) = delete;

  size_t count() const { return threads_.size(); }

  // Offers the job to at most `helpers_max` of them, for as long as the loan lives; then waits for those that took
  // part.
  class Loan {
   public:
    Loan(Helpers& helpers, Job& job, size_t helpers_max);
    ~Loan();
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;

   private:
    friend class Helpers;
    Helpers& helpers_;
    Job& job_;
    size_t wanted_;
    size_t at_work_ = 0;
    std::list<Loan*>::iterator place_;
  };

 private:
  void run();

  prometheus::Gauge& busy_;
  Mutex mu_;
  CondVar offered_;
  CondVar ended_;
  std::list<Loan*> offers_ TM_GUARDED_BY(mu_);  // The oldest first; those that still want somebody.
  bool stopping_ TM_GUARDED_BY(mu_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace tidemark::promql
