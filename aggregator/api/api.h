// Api: puts the HTTP interface of the program on a server: Prometheus' /api/v1, /-/*, /metrics and a landing page.
//
//     Api api(options, parts);
//     api.install(server);   // Before server.start().
//
// Handlers decode, call and encode; nothing is kept between requests. They run on the server's workers, many at a time.
#pragma once

#include <prometheus/metric_family.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "aggregator/api/outcome.h"
#include "aggregator/api/targets_view.h"
#include "aggregator/promql/engine.h"
#include "aggregator/storage/admin.h"
#include "aggregator/storage/querier.h"
#include "alerting/snapshot.h"
#include "model/clock.h"
#include "model/status.h"

namespace prometheus {
class Registry;
}

namespace tidemark::net {
class Server;
}

namespace tidemark::api {

class RequestMetrics;

// The program, as far as HTTP may look at it and tell it what to do. Thread-safe.
class Program {
 public:
  struct State {
    bool ready = false;  // The store is open and everything runs.
    bool stopping = false;
    bool reload_ok = true;          // The last one.
    int64_t reloaded_at_ms = 0;     // The last successful one.
    std::string storage_retention;  // "15d", "15d or 100GB"
  };

  virtual ~Program() = default;
  virtual State state() const = 0;
  // What the program says of itself beside the registry: process_*, build info, counters kept elsewhere.
  virtual std::vector<prometheus::MetricFamily> families() const = 0;
  // Loads the configuration again, and returns when that is done. An error keeps the old one.
  virtual Status reload() = 0;
  // Begins to shut down. Returns at once: the answer still has to go out.
  virtual void quit() = 0;
};

struct Options {
  bool enable_lifecycle = false;  // --web.enable-lifecycle
  bool enable_admin = false;      // --web.enable-admin-api
  std::string backup_folder;      // --storage.backup-dir; "": backups are refused.
  size_t backups_kept = 0;        // 0: all.
  std::string version;            // Ours.
  std::string revision;
  std::vector<std::pair<std::string, std::string>> flags;  // Names and values in force, without secrets.
};

// What the handlers call. All outlive the Api, which outlives the server.
struct Parts {
  promql::Engine& engine;
  storage::Queryable& store;
  storage::Admin& admin;
  const TargetsView& targets;
  const alerting::RuleSource& rules;
  Program& program;
  const Clock& clock;
  prometheus::Registry& registry;  // What /metrics shows, and where tidemark_http_* go.
};

class Api {
 public:
  Api(Options options, const Parts& parts);
  ~Api();
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  // Adds all routes, and an observer that counts requests.
  void install(net::Server& server);

 private:
  using ApiHandler = std::function<Outcome(const net::Request&)>;
  void route_api(net::Server& server, std::string_view methods, std::string_view path, ApiHandler handler);
  void install_api(net::Server& server);
  void install_admin(net::Server& server);
  void install_lifecycle(net::Server& server);
  void install_pages(net::Server& server);
  bool refuse_unless_ready(net::Response& response) const;

  const Options options_;
  const Parts parts_;
  const int64_t started_at_ms_;
  std::unique_ptr<RequestMetrics> request_metrics_;
};

}  // namespace tidemark::api
