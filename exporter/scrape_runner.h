// ScrapeRunner: runs collectors one after the other on a worker thread while the one who asked waits, with a deadline
// for each. A call that does not come back (a stuck mount, a device file whose driver hangs) cannot be ended from
// outside, so its worker is left behind with all it uses, a new one runs the others from the start, and the collector
// is not asked again until its call returned.
//
//   scrape -> run() -> worker: collector, collector, ...      one hand-over a scrape, none a collector
//
// A collector may take half of the time that is left, so several that hang at once still leave time for the rest.
// Threads: one worker, and one more for each collector that is stuck, thus never more than there are collectors.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "exporter/collector.h"

namespace tidemark::exporter {

class ScrapeRunner {
 public:
  struct Outcome {
    bool ran = false;  // It was chosen.
    Status status;     // kTimeout when it is stuck.
    int64_t took_ns = 0;
  };
  struct Result {
    std::shared_ptr<Families>
        families;                   // Its memory goes back to us for a later scrape, also when we are gone by then.
    std::vector<Outcome> outcomes;  // One a collector.
  };

  explicit ScrapeRunner(std::vector<std::unique_ptr<Collector>> collectors);
  // Joins the worker; those that are stuck are let go, with all they use.
  ~ScrapeRunner();
  ScrapeRunner(const ScrapeRunner&) = delete;
  ScrapeRunner& operator=(const ScrapeRunner&) = delete;

  // Runs those that `chosen` says. What a collector that failed had appended is dropped. Returns by the deadline, or
  // some 100 ms later. One call at a time.
  Result run(const std::vector<bool>& chosen, int64_t deadline_monotonic_ns);

  // Families to fill without running anything.
  std::shared_ptr<Families> empty_families() const;

  size_t stuck() const;  // Collectors whose calls have not returned. Thread-safe.

 private:
  struct State;
  std::shared_ptr<State> state_;  // Shared with workers, which a stuck call may keep longer than us.
};

}  // namespace tidemark::exporter
