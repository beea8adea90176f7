// Scraper: keeps the scrape jobs of a configuration going. The public face of this folder.
//
//     Scraper scraper(options, store.appender(), system_clock(), registry, logger);
//     scraper.apply(config.scrape_configs);   // Again after each reload.
//     scraper.start();
//     ... scraper.targets() ...
//     scraper.stop();
//
// One target is one loop: at its own offset in the interval it is fetched, parsed, relabelled and stored as one batch,
// whole or not at all, followed by its report series (up and its sisters). A series that a scrape no longer shows, and
// all series of a target that failed, get a staleness marker; those of a target that was removed get it a little over
// two intervals later, unless the target is back by then. On stop() nothing gets one: a restarted server goes on.
//
// Threads: one that waits for the next due scrape and hands it to a bounded pool of workers, which do the fetching,
// and one that looks after files with targets. All are started by start() and joined by stop(). Every function here is
// thread-safe, but apply(), start() and stop() belong to one caller at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <prometheus/registry.h>

#include "aggregator/scrape/targets.h"
#include "aggregator/storage/appender.h"
#include "config/scrape_config.h"
#include "model/clock.h"
#include "model/log.h"

namespace tidemark::scrape {

struct ScraperOptions {
  // Behaviour.
  uint64_t offset_seed = 0;  // So that two servers with the same configuration do not scrape at the same moment.
  std::string own_host;      // In global URLs in place of a loopback address; "" leaves it.
  std::string user_agent = "tidemark";

  // Bounds.
  size_t body_bytes_max = 128 << 20;    // Of one answer, unpacked, where the job sets no body_size_limit.
  size_t metadata_max = 10'000;         // Metrics of one target whose HELP and TYPE are kept.
  size_t dropped_targets_max = 10'000;  // Dropped targets of one job that are kept to be shown; all are counted.
  size_t queue_max = 100'000;           // Scrapes that are due and wait for a worker; beyond it they are skipped.

  // Scrapes at one time. A target that hangs holds a thread for its timeout: with the usual 10s of 15s, 256 threads
  // bear some 380 such targets before others are late. Threads are started as they are needed.
  unsigned workers_max = 256;
};

// Hash of host name and external labels, for ScraperOptions::offset_seed.
uint64_t make_offset_seed(LabelsView external_labels);

class Scraper {
 public:
  // All must outlive the scraper. `registry` gets the tidemark_scrape_* and tidemark_discovery_* metrics.
  Scraper(const ScraperOptions& options, storage::Appender& appender, const Clock& clock,
          prometheus::Registry& registry, Logger& logger);
  ~Scraper();  // Stops.
  Scraper(const Scraper&) = delete;
  Scraper& operator=(const Scraper&) = delete;

  // Makes these the jobs. A target that was there before with the same labels and address keeps its loop, its place in
  // time and what it knows about its series; the others are started and stopped. Files with targets are read before
  // this returns. Before or after start().
  void apply(const std::vector<config::ScrapeConfig>& jobs);

  void start();
  // Cancels what is under way and joins the threads. Stores nothing more. Idempotent.
  void stop();

  TargetsSnapshot targets() const;

  // Calls `visit` for each piece of metadata of each active target, with the target's labels. What it is handed is
  // valid during the call; it must not call back into the scraper.
  void visit_metadata(const std::function<void(LabelsView target, const MetricMetadata&)>& visit) const;

  // For tests without start(): re-reads what is due, then runs every scrape that is due by the clock, one after the
  // other, on this thread. Returns how many ran.
  size_t run_due();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tidemark::scrape
