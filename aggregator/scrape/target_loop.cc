#include "aggregator/scrape/target_loop.h"

#include <algorithm>
#include <cstdlib>

#include "model/duration.h"

namespace tidemark::scrape {
namespace {

// Scrapes that start this close to their place in the grid are stored as of that place: equal steps cost the store
// nothing. As in Prometheus, at most a hundredth of the interval.
constexpr int64_t kToleranceMs = 2;

// The host's clock was set, rather than one scrape having been late: time for a new grid.
constexpr int kOffGridMax = 3;

}  // namespace

TargetLoop::TargetLoop(const LoopContext& context, Target target, std::shared_ptr<const Job> job)
    : context_(context),
      target_(std::move(target)),
      writer_(target_.labels, context.hash_seed),
      job_(std::move(job)),
      discovered_labels_(target_.discovered_labels) {
  context_.metrics.targets(TargetHealth::kUnknown).Increment();
}

TargetLoop::~TargetLoop() {
  context_.metrics.cached_series.Decrement(static_cast<double>(counted_series_));
  if (mode_ != Mode::kEnding) context_.metrics.targets(health_).Decrement();
}

void TargetLoop::update(std::shared_ptr<const Job> job, std::string refusal, Labels discovered_labels) {
  const MutexLock lock(mu_);
  job_ = std::move(job);
  refusal_ = std::move(refusal);
  discovered_labels_ = std::move(discovered_labels);
  if (mode_ == Mode::kEnding) {
    mode_ = Mode::kScraping;
    context_.metrics.targets(health_).Increment();
  }
}

void TargetLoop::end(int64_t end_ns) {
  const MutexLock lock(mu_);
  if (mode_ != Mode::kScraping) return;
  mode_ = Mode::kEnding;
  end_ns_ = end_ns;
  context_.metrics.targets(health_).Decrement();
}

bool TargetLoop::run(ScrapeScratch& scratch) {
  std::shared_ptr<const Job> job;
  std::string refusal;
  {
    const MutexLock lock(mu_);
    if (mode_ == Mode::kCanceled) return false;
    if (mode_ == Mode::kEnding) {
      if (context_.clock.monotonic_ns() < end_ns_) return false;  // Was queued to scrape when the end was decided.
    } else {
      job = job_;
      refusal = refusal_;
    }
  }
  if (job == nullptr) {
    store_end(scratch);
    return true;
  }
  if (fetcher_job_ != job) {
    own_fetcher_ = context_.make_fetcher(target_, job->config);
    fetcher_job_ = job;
    const MutexLock lock(mu_);
    if (mode_ == Mode::kCanceled) return false;
    fetcher_ = own_fetcher_;
  }
  scrape(*job, refusal, scratch);
  return false;
}

void TargetLoop::scrape(const Job& job, const std::string& refusal, ScrapeScratch& scratch) {
  context_.metrics.scrapes.Increment();
  const int64_t start_ns = context_.clock.monotonic_ns();
  const int64_t t_ms = scrape_time_ms();
  last_t_ms_ = t_ms;

  std::string page;
  std::optional<ScrapeError> error;
  if (!refusal.empty()) {
    error = ScrapeError{ScrapeFailure::kTargetLimit, refusal};
  } else if (auto fetched = own_fetcher_->fetch()) {
    page = std::move(*fetched);
  } else {
    error = std::move(fetched.error());
  }
  if (canceled()) return;

  writer_.begin(job, scratch);
  if (!error) error = writer_.add_page(page, t_ms);
  writer_.add_stale_markers(t_ms);
  const double seconds = static_cast<double>(context_.clock.monotonic_ns() - start_ns) / 1e9;
  writer_.add_report(t_ms, !error, seconds);
  commit();
  if (!error) take_metadata(page);
  show(error, t_ms, seconds);
}

// Markers are as of the first scrape that the target missed: by then it was gone, and a target that has come back under
// another name has newer samples.
void TargetLoop::store_end(ScrapeScratch& scratch) {
  if (last_t_ms_ == 0) return;
  writer_.begin(*fetcher_job_, scratch);
  const int64_t t_ms = last_t_ms_ + target_.interval_ms;
  writer_.add_stale_markers(t_ms);
  writer_.add_stale_report(t_ms);
  commit();
}

int64_t TargetLoop::scrape_time_ms() {
  const int64_t now_ms = context_.clock.now_ms();
  const int64_t tolerance_ms = std::min(kToleranceMs, target_.interval_ms / 100);
  const int64_t half_ms = target_.interval_ms / 2;
  // How far from the nearest place in the grid; C++ divides towards zero, clocks may be set back.
  const int64_t into = (now_ms - grid_ms_) % target_.interval_ms;
  const int64_t off = into > half_ms ? into - target_.interval_ms : into < -half_ms ? into + target_.interval_ms : into;
  if (grid_ms_ != 0 && std::abs(off) <= tolerance_ms) {
    off_grid_ = 0;
    return now_ms - off;
  }
  if (grid_ms_ == 0 || ++off_grid_ >= kOffGridMax) {
    grid_ms_ = now_ms;
    off_grid_ = 0;
  }
  return now_ms;
}

void TargetLoop::commit() {
  const Result<storage::CommitReport> report = writer_.commit(context_.appender, context_.metrics);
  context_.metrics.duplicates.Increment(static_cast<double>(writer_.duplicates()));
  const size_t cached = writer_.cached_series();
  context_.metrics.cached_series.Increment(static_cast<double>(cached) - static_cast<double>(counted_series_));
  counted_series_ = cached;
  if (!report) {
    context_.metrics.commit_failures.Increment();
    if (!std::exchange(store_down_, true)) {
      context_.logger.error("a scrape could not be stored", {{"target", target_.url_text}, {"err", report.error()}});
    }
    return;
  }
  store_down_ = false;
  const bool refused = report->refused() > 0;
  if (refused && !refusing_) {
    context_.logger.warn("the store refused samples of a scrape",
                         {{"target", target_.url_text}, {"refused", uint64_t{report->refused()}}});
  }
  refusing_ = refused;
}

void TargetLoop::take_metadata(std::string_view page) {
  const uint64_t hash = writer_.metadata_hash();
  if (metadata_known_ && hash == metadata_hash_) return;
  metadata_hash_ = hash;
  metadata_known_ = true;
  MetadataList list = context_.metadata.get(page, hash, context_.metadata_max);
  const MutexLock lock(mu_);
  metadata_ = std::move(list);
}

void TargetLoop::show(const std::optional<ScrapeError>& error, int64_t t_ms, double seconds) {
  if (error) {
    context_.metrics.failures(error->failure).Increment();
    context_.logger.debug("scrape failed", {{"target", target_.url_text}, {"err", error->message}});
  }
  const MutexLock lock(mu_);
  const TargetHealth health = error ? TargetHealth::kDown : TargetHealth::kUp;
  if (mode_ != Mode::kEnding) context_.metrics.move_target(health_, health);
  health_ = health;
  last_error_ = error ? error->message : "";
  last_scrape_ms_ = t_ms;
  last_duration_s_ = seconds;
}

bool TargetLoop::canceled() const {
  const MutexLock lock(mu_);
  return mode_ == Mode::kCanceled;
}

void TargetLoop::cancel() {
  std::shared_ptr<Fetcher> fetcher;
  {
    const MutexLock lock(mu_);
    if (mode_ == Mode::kEnding) context_.metrics.targets(health_).Increment();
    mode_ = Mode::kCanceled;
    fetcher = fetcher_;
  }
  if (fetcher != nullptr) fetcher->cancel();
}

ActiveTarget TargetLoop::status() const {
  ActiveTarget out;
  out.labels = target_.labels;
  out.scrape_url = target_.url_text;
  out.scrape_interval = format_duration_ms(target_.interval_ms);
  out.scrape_timeout = format_duration_ms(target_.timeout_ms);
  const MutexLock lock(mu_);
  out.scrape_pool = job_->config.job_name;
  out.discovered_labels = discovered_labels_;
  out.last_error = last_error_;
  out.last_scrape_ms = last_scrape_ms_;
  out.last_scrape_duration_s = last_duration_s_;
  out.health = health_;
  return out;
}

MetadataList TargetLoop::metadata() const {
  const MutexLock lock(mu_);
  return metadata_;
}

}  // namespace tidemark::scrape
