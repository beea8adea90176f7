// Discovery: keeps looking for targets and says when they have changed.
//
// Targets come in sets, one for each scrape job (by its name); a set is fed by any number of providers. Its groups are
// merged by putting them one after the other; the receiver removes targets that occur twice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <prometheus/registry.h>

#include "aggregator/discovery/provider.h"
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
};

// Thread-safe. One thread between start() and stop(), which looks at what is due.
class Discovery {
 public:
  // Told all groups of a set: for each set of an apply(), and whenever they change. Called by one thread at a time, in
  // order. Must not call back.
  using Listener = std::function<void(const std::string& set, const std::vector<TargetGroup>& groups)>;

  // All must outlive this.
  Discovery(const Clock& clock, prometheus::Registry& registry, Logger& logger, Listener listener);
  ~Discovery();  // Stops.
  Discovery(const Discovery&) = delete;
  Discovery& operator=(const Discovery&) = delete;

  // Makes these the sets. Looks at every source and tells the listener before it returns. Files that a set named before
  // are still known, so one that has gone bad keeps its targets over a reload.
  void apply(const std::vector<SetConfig>& sets) TM_EXCLUDES(refresh_mu_);

  // Looks at every source that is due by the clock. What the thread does; tests call it.
  void poll_due() TM_EXCLUDES(refresh_mu_);

  void start();
  void stop();  // Joins. Idempotent.

 private:
  struct Source {
    std::string key;  // Equal keys: the same source.
    std::unique_ptr<Provider> provider;
    int64_t due_ns = 0;
  };
  struct Set {
    std::string name;
    std::vector<Source> sources;
  };
  struct Metrics;

  Set make_set(const SetConfig& config) TM_REQUIRES(refresh_mu_);
  void tell(const Set& set) TM_REQUIRES(refresh_mu_);
  bool refresh(Source& source) TM_REQUIRES(refresh_mu_);
  void update_metrics() TM_REQUIRES(refresh_mu_);
  void run();

  const Clock& clock_;
  Logger& logger_;
  const Listener listener_;
  const std::unique_ptr<Metrics> metrics_;

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
