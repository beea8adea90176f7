#include "aggregator/discovery/discovery.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>

#include <algorithm>
#include <map>

#include "aggregator/discovery/file_provider.h"
#include "aggregator/discovery/static_provider.h"

namespace tidemark::discovery {
namespace {

// How often the thread asks whether anything is due: half a second is soon enough for sources asked every five.
constexpr auto kTick = std::chrono::milliseconds(500);

std::string file_source_key(const config::FileSdConfig& config) {
  std::string key = "file " + std::to_string(config.refresh_interval_ms);
  for (const std::string& file : config.files) key += "\n" + file;
  return key;
}

}  // namespace

struct Discovery::Metrics {
  explicit Metrics(prometheus::Registry& registry)
      : targets(prometheus::BuildGauge()
                    .Name("tidemark_discovery_targets")
                    .Help("Targets that discovery has found, before relabelling, by scrape job.")
                    .Register(registry)),
        broken(prometheus::BuildGauge()
                   .Name("tidemark_discovery_broken_files")
                   .Help("Files with targets that could not be read when last tried; they keep the targets they had.")
                   .Register(registry)
                   .Add({})),
        errors(prometheus::BuildCounter()
                   .Name("tidemark_discovery_file_read_errors_total")
                   .Help("Files with targets that could not be read.")
                   .Register(registry)
                   .Add({})) {}

  prometheus::Family<prometheus::Gauge>& targets;
  prometheus::Gauge& broken;
  prometheus::Counter& errors;
  std::map<std::string, prometheus::Gauge*> by_set;
};

Discovery::Discovery(const Clock& clock, prometheus::Registry& registry, Logger& logger, Listener listener)
    : clock_(clock), logger_(logger), listener_(std::move(listener)), metrics_(std::make_unique<Metrics>(registry)) {}

Discovery::~Discovery() { stop(); }

void Discovery::apply(const std::vector<SetConfig>& sets) {
  const MutexLock lock(refresh_mu_);
  std::vector<Set> next;
  next.reserve(sets.size());
  for (const SetConfig& config : sets) next.push_back(make_set(config));
  sets_ = std::move(next);
  for (Set& set : sets_) {
    for (Source& source : set.sources) refresh(source);
    tell(set);
  }
  update_metrics();
}

Discovery::Set Discovery::make_set(const SetConfig& config) {
  Set set;
  set.name = config.name;
  if (!config.static_configs.empty()) {
    set.sources.push_back({"static", std::make_unique<StaticProvider>(config.static_configs), 0});
  }
  const auto old = std::find_if(sets_.begin(), sets_.end(), [&](const Set& s) { return s.name == config.name; });
  for (const config::FileSdConfig& file_config : config.file_sd_configs) {
    Source source;
    source.key = file_source_key(file_config);
    if (old != sets_.end()) {
      for (Source& known : old->sources) {
        if (known.key == source.key && known.provider != nullptr) source.provider = std::move(known.provider);
      }
    }
    if (source.provider == nullptr) source.provider = std::make_unique<FileProvider>(file_config, logger_);
    set.sources.push_back(std::move(source));
  }
  return set;
}

bool Discovery::refresh(Source& source) {
  const uint64_t errors_before = source.provider->errors();
  const bool changed = source.provider->refresh();
  metrics_->errors.Increment(static_cast<double>(source.provider->errors() - errors_before));
  source.due_ns = clock_.monotonic_ns() + source.provider->refresh_interval_ms() * 1'000'000;
  return changed;
}

void Discovery::tell(const Set& set) {
  std::vector<TargetGroup> groups;
  for (const Source& source : set.sources) {
    std::vector<TargetGroup> found = source.provider->groups();
    groups.insert(groups.end(), std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
  }
  listener_(set.name, groups);
}

void Discovery::poll_due() {
  const MutexLock lock(refresh_mu_);
  const int64_t now_ns = clock_.monotonic_ns();
  bool looked = false;
  for (Set& set : sets_) {
    bool changed = false;
    for (Source& source : set.sources) {
      if (source.provider->refresh_interval_ms() == 0 || source.due_ns > now_ns) continue;
      looked = true;
      changed |= refresh(source);
    }
    if (changed) tell(set);
  }
  if (looked) update_metrics();
}

void Discovery::update_metrics() {
  size_t broken = 0;
  std::map<std::string, prometheus::Gauge*> by_set;
  for (const Set& set : sets_) {
    size_t targets = 0;
    for (const Source& source : set.sources) {
      broken += source.provider->broken();
      for (const TargetGroup& group : source.provider->groups()) targets += group.targets.size();
    }
    prometheus::Gauge& gauge = metrics_->targets.Add({{"scrape_job", set.name}});
    gauge.Set(static_cast<double>(targets));
    by_set[set.name] = &gauge;
  }
  for (const auto& [name, gauge] : metrics_->by_set) {
    if (!by_set.contains(name)) metrics_->targets.Remove(gauge);
  }
  metrics_->by_set = std::move(by_set);
  metrics_->broken.Set(static_cast<double>(broken));
}

void Discovery::start() {
  {
    const MutexLock lock(thread_mu_);
    stopping_ = false;
  }
  thread_ = std::thread([this] { run(); });
}

void Discovery::stop() {
  {
    const MutexLock lock(thread_mu_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Discovery::run() {
  while (true) {
    {
      const MutexLock lock(thread_mu_);
      if (!stopping_) wake_.wait_for(thread_mu_, kTick);
      if (stopping_) return;
    }
    poll_due();
  }
}

}  // namespace tidemark::discovery
