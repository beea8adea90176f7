// TargetLoop: the scrapes of one target, one after the other, and what is to be shown of it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "aggregator/scrape/fetcher.h"
#include "aggregator/scrape/job.h"
#include "aggregator/scrape/metadata.h"
#include "aggregator/scrape/metrics.h"
#include "aggregator/scrape/page_writer.h"
#include "aggregator/scrape/target.h"
#include "aggregator/scrape/targets.h"
#include "aggregator/storage/appender.h"
#include "model/clock.h"
#include "model/log.h"
#include "model/mutex.h"

namespace tidemark::scrape {

// What every loop works with. All of it outlives them.
struct LoopContext {
  storage::Appender& appender;
  const Clock& clock;
  Metrics& metrics;
  Logger& logger;
  MetadataPool& metadata;
  size_t metadata_max = 10'000;
  uint64_t hash_seed = 0;
  std::function<std::unique_ptr<Fetcher>(const Target&, const config::ScrapeConfig&)> make_fetcher;
};

// run() belongs to one thread at a time; everything else is thread-safe.
class TargetLoop {
 public:
  TargetLoop(const LoopContext& context, Target target, std::shared_ptr<const Job> job);
  ~TargetLoop();
  TargetLoop(const TargetLoop&) = delete;
  TargetLoop& operator=(const TargetLoop&) = delete;

  const Target& target() const { return target_; }

  // From the next scrape on: by this job. `refusal` is "" or why every scrape of it fails (target_limit). Also takes a
  // loop that was ending back.
  void update(std::shared_ptr<const Job> job, std::string refusal, Labels discovered_labels) TM_EXCLUDES(mu_);

  // The target is gone. From `end_ns` (monotonic) on, a run() stores staleness markers, as of the time of the scrape
  // that did not take place, and is the last.
  void end(int64_t end_ns) TM_EXCLUDES(mu_);

  // Scrapes, or ends. True when this was the end.
  bool run(ScrapeScratch& scratch) TM_EXCLUDES(mu_);

  // We are stopping: ends a scrape under way, and nothing is stored from here on.
  void cancel() TM_EXCLUDES(mu_);

  ActiveTarget status() const TM_EXCLUDES(mu_);  // Without global_url.
  MetadataList metadata() const TM_EXCLUDES(mu_);

 private:
  enum class Mode { kScraping, kEnding, kCanceled };

  void scrape(const Job& job, const std::string& refusal, ScrapeScratch& scratch) TM_EXCLUDES(mu_);
  void store_end(ScrapeScratch& scratch);
  int64_t scrape_time_ms();
  void commit();
  void take_metadata(std::string_view page) TM_EXCLUDES(mu_);
  void show(const std::optional<ScrapeError>& error, int64_t t_ms, double seconds) TM_EXCLUDES(mu_);
  bool canceled() const TM_EXCLUDES(mu_);

  const LoopContext& context_;
  const Target target_;

  // Of run().
  PageWriter writer_;
  std::shared_ptr<const Job> fetcher_job_;
  std::shared_ptr<Fetcher> own_fetcher_;  // Made for fetcher_job_.
  int64_t grid_ms_ = 0;  // The scrapes' times are this plus a multiple of the interval. 0: no scrape yet.
  int off_grid_ = 0;     // Scrapes in a row that were not.
  int64_t last_t_ms_ = 0;
  size_t counted_series_ = 0;  // In the metric of all caches.
  uint64_t metadata_hash_ = 0;
  bool metadata_known_ = false;
  bool refusing_ = false;    // The store refused samples of the last scrape, and we have said so.
  bool store_down_ = false;  // It took nothing at all, and we have said so.

  mutable Mutex mu_;  // Never held during a fetch or a commit.
  Mode mode_ TM_GUARDED_BY(mu_) = Mode::kScraping;
  int64_t end_ns_ TM_GUARDED_BY(mu_) = 0;
  std::shared_ptr<const Job> job_ TM_GUARDED_BY(mu_);
  std::string refusal_ TM_GUARDED_BY(mu_);
  std::shared_ptr<Fetcher> fetcher_ TM_GUARDED_BY(mu_);  // For cancel().
  Labels discovered_labels_ TM_GUARDED_BY(mu_);
  TargetHealth health_ TM_GUARDED_BY(mu_) = TargetHealth::kUnknown;
  std::string last_error_ TM_GUARDED_BY(mu_);
  int64_t last_scrape_ms_ TM_GUARDED_BY(mu_) = 0;
  double last_duration_s_ TM_GUARDED_BY(mu_) = 0;
  MetadataList metadata_ TM_GUARDED_BY(mu_);
};

}  // namespace tidemark::scrape
