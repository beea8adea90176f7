#include "aggregator/discovery/discovery.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>

#include <algorithm>
#include <map>

#include "aggregator/discovery/ares_resolver.h"
#include "aggregator/discovery/dns_provider.h"
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

std::string dns_source_key(const config::DnsSdConfig& config) {
  std::string key = "dns " + std::to_string(config.refresh_interval_ms) + " " +
                    std::to_string(static_cast<int>(config.type)) + " " + std::to_string(config.port);
  for (const std::string& name : config.names) key += "\n" + name;
  return key;
}

}  // namespace

struct Discovery::Metrics {
  explicit Metrics(prometheus::Registry& registry)
      : targets(prometheus::BuildGauge()
                    .Name("tidemark_discovery_targets")
                    .Help("Targets that discovery has found, before relabelling, by scrape job.")
                    .Register(registry)),
        broken_files(
            gauge(registry, "tidemark_discovery_broken_files",
                  "Files with targets that could not be read when last tried; they keep the targets they had.")),
        file_errors(counter(registry, "tidemark_discovery_file_read_errors_total",
                            "Files with targets that could not be read.")),
        broken_names(gauge(registry, "tidemark_discovery_broken_dns_names",
                           "Names that could not be resolved when last tried; they keep the targets they had.")),
        lookup_failures(counter(registry, "tidemark_discovery_dns_lookup_failures_total",
                                "Lookups of names with targets to which no usable answer came.")) {}

  static prometheus::Gauge& gauge(prometheus::Registry& registry, const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({});
  }
  static prometheus::Counter& counter(prometheus::Registry& registry, const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add({});
  }

  prometheus::Family<prometheus::Gauge>& targets;
  prometheus::Gauge& broken_files;
  prometheus::Counter& file_errors;
  prometheus::Gauge& broken_names;
  prometheus::Counter& lookup_failures;
  std::map<std::string, prometheus::Gauge*> by_set;
};

Discovery::Discovery(const Clock& clock, prometheus::Registry& registry, Logger& logger, Listener listener,
                     std::unique_ptr<Resolver> resolver)
    : clock_(clock),
      logger_(logger),
      listener_(std::move(listener)),
      metrics_(std::make_unique<Metrics>(registry)),
      resolver_(resolver != nullptr ? std::move(resolver) : std::make_unique<AresResolver>()) {}

Discovery::~Discovery() { stop(); }

void Discovery::apply(const std::vector<SetConfig>& sets) {
  ++applies_waiting_;
  const MutexLock lock(refresh_mu_);
  --applies_waiting_;
  std::vector<Set> next;
  next.reserve(sets.size());
  for (const SetConfig& config : sets) next.push_back(make_set(config));
  sets_ = std::move(next);
  for (Set& set : sets_) {
    for (Source& source : set.sources) {
      if (source.kind != Kind::kDns) refresh(source);
    }
    tell(set);
  }
  update_metrics();
}

std::unique_ptr<Provider> Discovery::take_known(const SetConfig& set, const std::string& key) {
  for (Set& old : sets_) {
    if (old.name != set.name) continue;
    for (Source& source : old.sources) {
      if (source.key == key && source.provider != nullptr) return std::move(source.provider);
    }
  }
  return nullptr;
}

Discovery::Set Discovery::make_set(const SetConfig& config) {
  Set set;
  set.name = config.name;
  if (!config.static_configs.empty()) {
    set.sources.push_back({Kind::kStatic, "static", std::make_unique<StaticProvider>(config.static_configs), 0});
  }
  for (const config::FileSdConfig& files : config.file_sd_configs) {
    std::string key = file_source_key(files);
    std::unique_ptr<Provider> provider = take_known(config, key);
    if (provider == nullptr) provider = std::make_unique<FileProvider>(files, logger_);
    set.sources.push_back({Kind::kFile, std::move(key), std::move(provider), 0});
  }
  const Canceled canceled = [this] { return stopped_ || applies_waiting_ > 0; };
  for (const config::DnsSdConfig& names : config.dns_sd_configs) {
    std::string key = dns_source_key(names);
    std::unique_ptr<Provider> provider = take_known(config, key);
    if (provider == nullptr) provider = std::make_unique<DnsProvider>(names, *resolver_, canceled, logger_);
    set.sources.push_back({Kind::kDns, std::move(key), std::move(provider), clock_.monotonic_ns()});
  }
  return set;
}

bool Discovery::refresh(Source& source) {
  const uint64_t errors_before = source.provider->errors();
  const bool changed = source.provider->refresh();
  prometheus::Counter& errors = source.kind == Kind::kDns ? metrics_->lookup_failures : metrics_->file_errors;
  errors.Increment(static_cast<double>(source.provider->errors() - errors_before));
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
  size_t broken_files = 0;
  size_t broken_names = 0;
  std::map<std::string, prometheus::Gauge*> by_set;
  for (const Set& set : sets_) {
    size_t targets = 0;
    for (const Source& source : set.sources) {
      (source.kind == Kind::kDns ? broken_names : broken_files) += source.provider->broken();
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
  metrics_->broken_files.Set(static_cast<double>(broken_files));
  metrics_->broken_names.Set(static_cast<double>(broken_names));
}

void Discovery::start() {
  {
    const MutexLock lock(thread_mu_);
    stopping_ = false;
  }
  stopped_ = false;
  thread_ = std::thread([this] { run(); });
}

void Discovery::stop() {
  {
    const MutexLock lock(thread_mu_);
    stopping_ = true;
  }
  stopped_ = true;
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
