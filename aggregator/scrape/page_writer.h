// PageWriter: turns what a target shows into one batch for the store.
//
//     writer.begin(job);
//     if (auto error = writer.add_page(...)) ...      // Nothing of a bad page is left in the batch.
//     writer.add_stale_markers(t_ms);
//     writer.add_report(t_ms, up, seconds);
//     writer.commit(appender);                        // All at once.
//
// It owns what is known about the target's series (SeriesCache), so a page like the last one costs no label work.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "aggregator/scrape/fetcher.h"
#include "aggregator/scrape/job.h"
#include "aggregator/scrape/metadata.h"
#include "aggregator/scrape/metrics.h"
#include "aggregator/scrape/series_cache.h"
#include "aggregator/storage/appender.h"
#include "model/exposition_parser.h"
#include "model/labels.h"

namespace tidemark::scrape {

// Memory that a worker lends to one scrape after the other.
struct ScrapeScratch {
  // A sample of the page in the batch, at the same index.
  struct Pending {
    SeriesCache::Slot slot;
    std::string_view text;  // In the page.
  };
  storage::Batch batch;
  storage::Batch resent;
  LabelsBuilder labels;
  std::vector<Pending> pending;
};

// Belongs to one thread at a time.
class PageWriter {
 public:
  struct Counts {
    size_t scraped = 0;       // Samples on the page.
    size_t added = 0;         // After metric relabelling.
    size_t series_added = 0;  // New to this loop.
  };

  PageWriter(LabelsView target_labels, uint64_t hash_seed) : target_labels_(target_labels), cache_(hash_seed) {}

  // Starts a scrape by this job's rules. `scratch` and `job` must live until commit().
  void begin(const Job& job, ScrapeScratch& scratch);

  // Adds the samples of a page; one without a timestamp of its own is of `t_ms`. On an error none of them is in the
  // batch. REQUIRES: `page` lives until commit().
  std::optional<ScrapeError> add_page(std::string_view page, int64_t t_ms);

  // Adds a staleness marker for each series that an earlier scrape stored and this one did not.
  void add_stale_markers(int64_t t_ms);

  void add_report(int64_t t_ms, bool up, double seconds);
  void add_stale_report(int64_t t_ms);  // For a target that is gone.

  // Stores the batch. Series that have left the store's memory are sent again with their labels: a second batch. A
  // failure means that nothing was stored, and staleness stands as before.
  Result<storage::CommitReport> commit(storage::Appender& appender, Metrics& metrics);

  const Counts& counts() const { return counts_; }
  size_t duplicates() const { return duplicates_; }
  uint64_t metadata_hash() const { return metadata_hash_; }  // Of the last good page.
  size_t cached_series() const { return cache_.size(); }

 private:
  static constexpr size_t kReportSeries = 5;

  std::optional<ScrapeError> add_sample(ExpositionParser& parser, int64_t t_ms);
  std::optional<ScrapeError> stored_labels(const std::vector<LabelView>& exposed, bool& dropped);
  Labels report_labels(size_t i) const;
  void add_report_value(size_t i, int64_t t_ms, double value);
  void resend_unknown();
  void take_outcome(size_t i, const storage::Batch& batch, size_t in_batch);

  const Labels target_labels_;
  SeriesCache cache_;
  std::string series_rules_;  // By which cache_ was filled.
  std::array<storage::SeriesRef, kReportSeries> report_refs_{};
  uint64_t metadata_hash_ = 0;

  // Of the scrape under way.
  const Job* job_ = nullptr;
  ScrapeScratch* scratch_ = nullptr;
  bool page_good_ = false;
  Counts counts_;
  size_t duplicates_ = 0;
  std::vector<SeriesCache::Stale> stale_;  // In the batch after the samples.
  std::vector<size_t> resent_;             // Indices in the batch of what is in the second one.
  std::vector<size_t> report_index_;       // Which report series the batch ends with.
};

}  // namespace tidemark::scrape
