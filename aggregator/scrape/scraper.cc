#include "aggregator/scrape/scraper.h"

#include <fmt/format.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <map>
#include <random>
#include <utility>

#include "aggregator/discovery/discovery.h"
#include "aggregator/scrape/http_fetcher.h"
#include "aggregator/scrape/scheduler.h"
#include "aggregator/scrape/target_loop.h"
#include "model/mutex.h"

namespace tidemark::scrape {
namespace {

// Prometheus waits this long for a target to come back before it calls its series stale.
int64_t end_delay_ns(const Target& target) {
  const int64_t interval_ns = target.interval_ms * 1'000'000;
  return 2 * interval_ns + interval_ns / 10;
}

// The URL as somebody on another host would write it.
std::string global_url(const Target& target, const std::string& own_host) {
  const std::string& host = target.url.host;
  if (own_host.empty() || (host != "127.0.0.1" && host != "localhost" && host != "::1")) return target.url_text;
  return fmt::format("{}://{}:{}{}", target.url.scheme, own_host, target.url.port, target.url.target);
}

}  // namespace

uint64_t make_offset_seed(LabelsView external_labels) {
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  const std::string key = fmt::format("{}{}", host, external_labels.to_string());
  return XXH3_64bits(key.data(), key.size());
}

struct Scraper::State {
  using Running = std::pair<std::shared_ptr<TargetLoop>, Scheduler::Handle>;
  struct Pool {
    std::shared_ptr<const Job> job;
    std::map<std::string, Running> loops;  // By the target's identity.
    std::vector<DroppedTarget> dropped;
    size_t dropped_count = 0;
  };
  using EndingKey = std::pair<std::string, std::string>;  // Job name, identity.

  State(const ScraperOptions& o, storage::Appender& a, const Clock& c, prometheus::Registry& registry, Logger& l)
      : options(o),
        clock(c),
        metrics(registry),
        context{a,
                c,
                metrics,
                l,
                metadata,
                o.metadata_max,
                std::random_device()() | uint64_t{std::random_device()()} << 32,
                [this](const Target& target, const config::ScrapeConfig& job) -> std::unique_ptr<Fetcher> {
                  return std::make_unique<HttpFetcher>(
                      target, job, HttpFetcher::Options{options.user_agent, options.body_bytes_max}, clock);
                }},
        scratch(o.workers_max),
        scheduler({o.workers_max, o.queue_max}, c, metrics),
        discovery(c, registry, l, [this](const std::string& name, const std::vector<discovery::TargetGroup>& groups) {
          sync(name, groups);
        }) {}

  void replace_jobs(const std::vector<config::ScrapeConfig>& jobs);
  void sync(const std::string& name, const std::vector<discovery::TargetGroup>& groups);
  Running start_loop(const std::string& name, const std::string& identity, Target target,
                     const std::shared_ptr<const Job>& job) TM_REQUIRES(mu);
  void end_loop(const std::string& name, const std::string& identity, Running running) TM_REQUIRES(mu);
  void forget(const EndingKey& key, const TargetLoop* loop);
  void cancel_all();
  std::vector<std::pair<std::string, std::shared_ptr<TargetLoop>>> active_loops();

  const ScraperOptions options;
  const Clock& clock;
  Metrics metrics;
  MetadataPool metadata;
  const LoopContext context;
  std::vector<ScrapeScratch> scratch;  // By worker.

  Mutex mu;  // Taken after Discovery's; the scheduler's and the loops' are taken after it. Never held across I/O.
  std::map<std::string, Pool> pools TM_GUARDED_BY(mu);
  std::map<EndingKey, Running> ending TM_GUARDED_BY(mu);  // Removed targets; each leaves after two intervals.
  bool canceled TM_GUARDED_BY(mu) = false;

  // Last, so that their threads end before anything that they use.
  Scheduler scheduler;
  discovery::Discovery discovery;
};

void Scraper::State::replace_jobs(const std::vector<config::ScrapeConfig>& jobs) {
  const MutexLock lock(mu);
  std::map<std::string, Pool> next;
  for (const config::ScrapeConfig& job : jobs) {
    Pool& pool = next[job.job_name];
    if (const auto known = pools.find(job.job_name); known != pools.end()) pool = std::move(known->second);
    pools.erase(job.job_name);
    pool.job = std::make_shared<const Job>(job);
  }
  for (auto& [name, pool] : pools) {
    for (auto& [identity, running] : pool.loops) end_loop(name, identity, std::move(running));
    metrics.dropped_targets.Decrement(static_cast<double>(pool.dropped_count));
  }
  pools = std::move(next);
}

void Scraper::State::sync(const std::string& name, const std::vector<discovery::TargetGroup>& groups) {
  std::shared_ptr<const Job> job;
  {
    const MutexLock lock(mu);
    const auto pool = pools.find(name);
    if (pool == pools.end()) return;
    job = pool->second.job;
  }
  BuiltTargets built = build_targets(job->config, groups, options.dropped_targets_max);
  std::string refusal;
  if (const uint64_t limit = job->config.limits.targets; limit > 0 && built.active.size() > limit) {
    refusal = fmt::format("target_limit exceeded (number of targets: {}, limit: {})", built.active.size(), limit);
  }

  const MutexLock lock(mu);
  const auto at = pools.find(name);
  if (at == pools.end() || canceled) return;
  Pool& pool = at->second;
  metrics.dropped_targets.Increment(static_cast<double>(built.dropped_count) - static_cast<double>(pool.dropped_count));
  pool.dropped = std::move(built.dropped);
  pool.dropped_count = built.dropped_count;
  std::map<std::string, Running> next;
  for (Target& target : built.active) {
    const std::string identity = target.identity();
    Labels discovered = target.discovered_labels;
    Running running;
    if (const auto known = pool.loops.find(identity); known != pool.loops.end()) {
      running = std::move(known->second);
      pool.loops.erase(known);
    } else {
      running = start_loop(name, identity, std::move(target), pool.job);
    }
    running.first->update(pool.job, refusal, std::move(discovered));
    next.emplace(identity, std::move(running));
  }
  for (auto& [identity, running] : pool.loops) end_loop(name, identity, std::move(running));
  pool.loops = std::move(next);
}

// A new loop, or the one that has not ended yet.
Scraper::State::Running Scraper::State::start_loop(const std::string& name, const std::string& identity, Target target,
                                                   const std::shared_ptr<const Job>& job) {
  const int64_t now_ns = clock.monotonic_ns();
  const int64_t due_ns = now_ns + target.offset_ns(clock.now_ms() * 1'000'000, options.offset_seed);
  const int64_t interval_ns = target.interval_ms * 1'000'000;
  const EndingKey key{name, identity};
  if (const auto known = ending.find(key); known != ending.end()) {
    Running running = std::move(known->second);
    ending.erase(known);
    scheduler.reschedule(running.second, due_ns, interval_ns);
    return running;
  }
  auto loop = std::make_shared<TargetLoop>(context, std::move(target), job);
  auto handle = scheduler.add(
      [this, loop, key](unsigned worker) {
        if (loop->run(scratch[worker])) forget(key, loop.get());
      },
      due_ns, interval_ns);
  return {std::move(loop), std::move(handle)};
}

void Scraper::State::end_loop(const std::string& name, const std::string& identity, Running running) {
  const int64_t end_ns = clock.monotonic_ns() + end_delay_ns(running.first->target());
  running.first->end(end_ns);
  scheduler.reschedule(running.second, end_ns, 0);
  ending[{name, identity}] = std::move(running);
}

void Scraper::State::forget(const EndingKey& key, const TargetLoop* loop) {
  const MutexLock lock(mu);
  const auto at = ending.find(key);
  if (at == ending.end() || at->second.first.get() != loop) return;
  scheduler.remove(at->second.second);
  ending.erase(at);
}

void Scraper::State::cancel_all() {
  std::vector<std::shared_ptr<TargetLoop>> loops;
  {
    const MutexLock lock(mu);
    canceled = true;
    for (const auto& [name, pool] : pools) {
      for (const auto& [identity, running] : pool.loops) loops.push_back(running.first);
    }
    for (const auto& [key, running] : ending) loops.push_back(running.first);
  }
  for (const auto& loop : loops) loop->cancel();
}

std::vector<std::pair<std::string, std::shared_ptr<TargetLoop>>> Scraper::State::active_loops() {
  std::vector<std::pair<std::string, std::shared_ptr<TargetLoop>>> out;
  const MutexLock lock(mu);
  for (const auto& [name, pool] : pools) {
    for (const auto& [identity, running] : pool.loops) out.emplace_back(name, running.first);
  }
  return out;
}

Scraper::Scraper(const ScraperOptions& options, storage::Appender& appender, const Clock& clock,
                 prometheus::Registry& registry, Logger& logger)
    : state_(std::make_unique<State>(options, appender, clock, registry, logger)) {}

Scraper::~Scraper() { stop(); }

void Scraper::apply(const std::vector<config::ScrapeConfig>& jobs) {
  std::vector<discovery::SetConfig> sets;
  sets.reserve(jobs.size());
  for (const config::ScrapeConfig& job : jobs) {
    sets.push_back({job.job_name, job.static_configs, job.file_sd_configs, job.dns_sd_configs});
  }
  state_->replace_jobs(jobs);
  state_->discovery.apply(sets);
}

void Scraper::start() {
  state_->scheduler.start();
  state_->discovery.start();
}

void Scraper::stop() {
  state_->discovery.stop();
  state_->cancel_all();
  state_->scheduler.stop();
}

TargetsSnapshot Scraper::targets() const {
  TargetsSnapshot out;
  std::map<std::string, PoolTargets> pools;
  {
    const MutexLock lock(state_->mu);
    for (const auto& [name, pool] : state_->pools) {
      pools[name] = PoolTargets{name, {}, pool.dropped, pool.dropped_count};
    }
  }
  for (const auto& [name, loop] : state_->active_loops()) {
    ActiveTarget target = loop->status();
    target.global_url = global_url(loop->target(), state_->options.own_host);
    pools[name].active.push_back(std::move(target));
  }
  for (auto& [name, pool] : pools) {
    std::sort(pool.active.begin(), pool.active.end(),
              [](const ActiveTarget& a, const ActiveTarget& b) { return a.labels < b.labels; });
    pool.scrape_pool = name;
    out.pools.push_back(std::move(pool));
  }
  return out;
}

void Scraper::visit_metadata(const std::function<void(LabelsView target, const MetricMetadata&)>& visit) const {
  for (const auto& [name, loop] : state_->active_loops()) {
    const MetadataList list = loop->metadata();
    if (list == nullptr) continue;
    for (const MetricMetadata& metadata : *list) visit(loop->target().labels, metadata);
  }
}

size_t Scraper::run_due() {
  state_->discovery.poll_due();
  return state_->scheduler.run_due();
}

}  // namespace tidemark::scrape
