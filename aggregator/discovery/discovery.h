// Discovery: keeps looking for targets and says when they have changed.
//
// Targets come in sets, one for each scrape job (by its name); a set is fed by any number of providers. Its groups are
// merged by putting them one after the other; the receiver removes targets that occur twice.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <prometheus/registry.h>

#include "aggregator/discovery/provider.h"
#include "aggregator/discovery/resolver.h"
#include "config/scrape_config.h"
#include "model/clock.h"
#include "model/log.h"
#include "model/mutex.h"

namespace tidemark::discovery {

// Where the targets of one set are to be found.
struct SetConfig {
  std::string name;
  std::vector<config::TargetGroup> static_configs;
  std::vector<config::FileSdConfig> file_sd_configs;
  std::vector<config::DnsSdConfig> dns_sd_configs;
};

// Thread-safe. One thread between start() and stop(), which looks at what is due.
class Discovery {
 public:
  // Told all groups of a set: for each set of an apply(), and whenever they change. Called by one thread at a time, in
  // order. Must not call back.
  using Listener = std::function<void(const std::string& set, const std::vector<TargetGroup>& groups)>;

  // All must outlive this. `resolver` is for dns_sd_configs; null: the name servers of this host.
  Discovery(const Clock& clock, prometheus::Registry& registry, Logger& logger, Listener listener,
            std::unique_ptr<Resolver> resolver = nullptr);
  ~Discovery();  // Stops.
  Discovery(const Discovery&) = delete;
  Discovery& operator=(const Discovery&) = delete;

  // Makes these the sets. Looks at every source on this host and tells the listener before it returns; the DNS is asked
  // by the next poll_due(), so that a dead name server delays no start and no reload. Files and names that a set named
  // before are still known, so one that has gone bad keeps its targets over a reload. Ends a lookup under way.
  void apply(const std::vector<SetConfig>& sets) TM_EXCLUDES(refresh_mu_);

  // Looks at every source that is due by the clock. What the thread does; tests call it.
  void poll_due() TM_EXCLUDES(refresh_mu_);

  void start();
  void stop();  // Joins. Idempotent.

 private:
  enum class Kind { kStatic, kFile, kDns };
  struct Source {
    Kind kind = Kind::kStatic;
    std::string key;  // Equal keys: the same source.
    std::unique_ptr<Provider> provider;
    int64_t due_ns = 0;
  };
  struct Set {
    std::string name;
    std::vector<Source> sources;
  };
  struct Metrics;

  std::unique_ptr<Provider> take_known(const SetConfig& set, const std::string& key) TM_REQUIRES(refresh_mu_);
  Set make_set(const SetConfig& config) TM_REQUIRES(refresh_mu_);
  void tell(const Set& set) TM_REQUIRES(refresh_mu_);
  bool refresh(Source& source) TM_REQUIRES(refresh_mu_);
  void update_metrics() TM_REQUIRES(refresh_mu_);
  void run();

  const Clock& clock_;
  Logger& logger_;
  const Listener listener_;
  const std::unique_ptr<Metrics> metrics_;
  const std::unique_ptr<Resolver> resolver_;

  // Why a lookup under way is to end: flags and counts only, nothing else is published by them.
  std::atomic<bool> stopped_ = false;
  std::atomic<int> applies_waiting_ = 0;

  // Held while sources are looked at and the listener runs, so that changes arrive in order. Only another look waits
  // for it. Taken before any lock of the listener's.
  Mutex refresh_mu_;
  std::vector<Set> sets_ TM_GUARDED_BY(refresh_mu_);

  Mutex thread_mu_;
  CondVar wake_;
  bool stopping_ TM_GUARDED_BY(thread_mu_) = false;
  std::thread thread_;  // start() and stop() belong to one caller.
};

}  // namespace tidemark::discovery
