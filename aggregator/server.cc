#include "aggregator/server.h"

#include <fmt/format.h>
#include <prometheus/registry.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>

#include "aggregator/api/api.h"
#include "aggregator/configuration.h"
#include "aggregator/own_metrics.h"
#include "aggregator/promql/engine.h"
#include "aggregator/remote/write_receiver.h"
#include "aggregator/retention.h"
#include "aggregator/scrape/scraper.h"
#include "aggregator/storage/store.h"
#include "alerting/notifier.h"
#include "alerting/ruler.h"
#include "config/web_guard.h"
#include "model/log.h"
#include "model/mutex.h"
#include "net/server.h"

namespace tidemark {
namespace {

// Handlers of long queries hold a worker each; the others must find one all the same.
constexpr unsigned kWorkersBesideQueries = 8;

std::string host_name() {
  char name[256] = "";
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

std::string external_url(const ServerOptions& options, const config::WebGuard& guard) {
  if (!options.external_url.empty()) return options.external_url;
  const std::string& address = options.listen_addresses.front();
  return fmt::format("{}://{}:{}", guard.has_tls() ? "https" : "http", host_name(),
                     address.substr(address.rfind(':') + 1));
}

net::ServerOptions http_options(const ServerOptions& options, config::WebGuard& guard) {
  net::ServerOptions http;
  if (!options.web_config_file.empty()) http.guard = &guard;
  http.listen_addresses = options.listen_addresses;
  http.connections_max = static_cast<size_t>(options.connections_max);
  http.idle_timeout_ms = options.read_timeout_ms;
  http.workers = options.engine.concurrency_max + kWorkersBesideQueries;
  return http;
}

// A message of many lines, as of several bad rules, is as many log lines.
void log_failure(Logger& logger, std::string_view what, const Status& status) {
  std::string_view rest = status.message();
  for (bool more = true; more;) {
    const size_t end = rest.find('\n');
    more = end != std::string_view::npos;
    logger.error(what, {{"err", rest.substr(0, end)}});
    if (more) rest.remove_prefix(end + 1);
  }
}

sigset_t handled_signals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&signals, signal);
  return signals;
}

// The parts in the order they are built; destroyed the other way round.
class Server final : public api::Program {
 public:
  // All outlive us.
  Server(const ServerOptions& options, Logger& logger, std::unique_ptr<storage::Store> store, config::WebGuard& guard,
         prometheus::Registry& registry);

  Status start(const Configuration& configuration);
  Status stop();

  State state() const override;
  std::vector<prometheus::MetricFamily> families() const override;
  Status reload() override;
  void quit() override { ::kill(::getpid(), SIGTERM); }

 private:
  Status apply(const Configuration& configuration);
  void log_addresses();

  const ServerOptions options_;
  Logger& logger_;
  config::WebGuard& guard_;
  const Clock& clock_ = system_clock();
  OwnMetrics own_metrics_;

  std::unique_ptr<storage::Store> store_;
  promql::Engine engine_;
  scrape::Scraper scraper_;
  alerting::Notifier notifier_;
  alerting::Ruler rules_;
  remote::WriteReceiver write_receiver_;
  api::ScraperTargets targets_;
  api::Api api_;
  net::Server http_;

  Mutex reload_mu_;  // One reload at a time. Taken before state_mu_.
  mutable Mutex state_mu_;
  State state_ TM_GUARDED_BY(state_mu_);
};

promql::EngineOptions engine_options(const ServerOptions& options, Logger& logger) {
  promql::EngineOptions out = options.engine;
  out.logger = &logger;
  return out;
}

scrape::ScraperOptions scraper_options(const ServerOptions& options) {
  scrape::ScraperOptions out;
  out.own_host = host_name();
  out.user_agent = fmt::format("tidemark/{}", TIDEMARK_VERSION);
  out.offset_seed = scrape::make_offset_seed(Labels{{"path", options.storage.path}});
  return out;
}

Server::Server(const ServerOptions& options, Logger& logger, std::unique_ptr<storage::Store> store,
               config::WebGuard& guard, prometheus::Registry& registry)
    : options_(options),
      logger_(logger),
      guard_(guard),
      own_metrics_(logger),
      store_(std::move(store)),
      engine_(*store_, engine_options(options, logger), clock_, registry),
      scraper_(scraper_options(options), *store_, clock_, registry, logger),
      notifier_({.external_url = external_url(options, guard)}, *store_, clock_, registry, logger),
      rules_({.external_url = external_url(options, guard)},
             {.query =
                  [this](std::string_view expression, int64_t t_ms, const std::atomic<bool>* canceled) {
                    return engine_.instant(expression, t_ms, {.canceled = canceled});
                  },
              .appender = *store_,
              .state = *store_,
              .sink = [this](const std::vector<alerting::Alert>& alerts) { notifier_.send(alerts); },
              .clock = clock_,
              .logger = logger,
              .metrics = registry}),
      write_receiver_({}, *store_, clock_, logger, registry),
      targets_(scraper_),
      api_({.enable_lifecycle = options.enable_lifecycle,
            .enable_admin = options.enable_admin_api,
            .backup_folder = options.backup_folder,
            .backups_kept = static_cast<size_t>(options.backups_kept),
            .version = TIDEMARK_VERSION,
            .revision = "",
            .flags = options.flags},
           {engine_, *store_, *store_, targets_, rules_, *this, clock_, registry}),
      http_(http_options(options, guard)) {}

Status Server::apply(const Configuration& configuration) {
  // The notifier first: it alone can refuse what was read.
  if (Status status = notifier_.apply(configuration.delivery, configuration.server.global.external_labels);
      !status.ok())
    return status;
  const config::GlobalConfig& global = configuration.server.global;
  const alerting::RulerSettings settings{global.evaluation_interval_ms, global.rule_query_offset_ms,
                                         global.external_labels};
  if (Status status = rules_.apply(configuration.rule_files, settings); !status.ok()) return status;
  engine_.set_subquery_step(global.evaluation_interval_ms);
  scraper_.apply(configuration.server.scrape_configs);
  const Retention retention = choose_retention(options_, configuration.server.storage.retention);
  store_->set_retention(retention.time_ms, retention.bytes);
  store_->set_rollup_retention(retention.rollup_5m_ms, retention.rollup_1h_ms);
  store_->set_retention_rules(configuration.retention_rules);
  for (const std::string& warning : configuration.warnings) logger_.warn(warning);
  const MutexLock lock(state_mu_);
  state_.reload_ok = true;
  state_.reloaded_at_ms = clock_.now_ms();
  state_.storage_retention = retention.text();
  return {};
}

Status Server::start(const Configuration& configuration) {
  api_.install(http_);
  remote::route_remote_write(http_, options_.enable_remote_write ? &write_receiver_ : nullptr);
  own_metrics_.watch(http_, options_.web_config_file.empty() ? nullptr : &guard_);
  // Before anything runs: a taken port must leave nothing behind.
  if (const std::string error = http_.start(); !error.empty()) {
    return Status::io(fmt::format("{} (--web.listen-address)", error));
  }
  log_addresses();
  if (Status status = apply(configuration); !status.ok()) return status;
  notifier_.start();
  scraper_.start();
  rules_.start();
  const MutexLock lock(state_mu_);
  state_.ready = true;
  return {};
}

Status Server::stop() {
  {
    const MutexLock lock(state_mu_);
    state_.stopping = true;
    state_.ready = false;
  }
  engine_.cancel_all();
  rules_.stop();
  scraper_.stop();
  notifier_.stop();
  http_.stop();
  return store_->close();
}

void Server::log_addresses() {
  const std::vector<uint16_t> ports = http_.ports();
  for (size_t i = 0; i < ports.size(); ++i) {
    const std::string& address = options_.listen_addresses[i];
    logger_.info("Listening on", {{"address", fmt::format("{}:{}", address.substr(0, address.rfind(':')), ports[i])},
                                  {"tls", guard_.has_tls() ? "true" : "false"}});
  }
}

api::Program::State Server::state() const {
  const MutexLock lock(state_mu_);
  return state_;
}

std::vector<prometheus::MetricFamily> Server::families() const { return own_metrics_.collect(state()); }

Status Server::reload() {
  const MutexLock reloading(reload_mu_);
  logger_.info("Loading configuration file", {{"filename", options_.config_file}});
  // The last good one stays in force, which is no reason to refuse the configuration.
  if (const Status status = guard_.reload(); !status.ok()) log_failure(logger_, "bad --web.config.file", status);
  auto configuration = load_configuration(options_.config_file, options_.engine.parser);
  Status status = configuration ? apply(*configuration) : configuration.error();
  if (status.ok()) {
    logger_.info("Completed loading of configuration file", {{"filename", options_.config_file}});
    return status;
  }
  log_failure(logger_, "Failed to reload, the previous configuration stays in force", status);
  const MutexLock lock(state_mu_);
  state_.reload_ok = false;
  return status;
}

// Until a signal ends it. Every thread has these blocked, so they arrive here only.
void wait_for_end(const sigset_t& signals, Server& server, Logger& logger) {
  for (;;) {
    int signal = 0;
    if (::sigwait(&signals, &signal) != 0) continue;
    if (signal == SIGHUP) {
      (void)server.reload();  // It has logged what went wrong.
      continue;
    }
    logger.info("Received an OS signal, exiting gracefully", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
    return;
  }
}

}  // namespace

int serve(const ServerOptions& options) {
  const sigset_t signals = handled_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // Before any thread starts.
  ::signal(SIGPIPE, SIG_IGN);
  Logger logger(STDERR_FILENO, options.log_level, options.log_format);
  logger.info("Starting tidemark", {{"version", TIDEMARK_VERSION}});
  for (const std::string& warning : options.warnings) logger.warn(warning);
  const auto failed = [&](std::string_view what, const Status& status) {
    log_failure(logger, what, status);
    return 1;
  };

  const auto configuration = load_configuration(options.config_file, options.engine.parser);
  if (!configuration) {
    return failed(fmt::format("Error loading config (--config.file={})", options.config_file), configuration.error());
  }
  // No path is open to everybody: /-/healthy and /-/ready ask for a password too, as in Prometheus.
  auto guard = config::WebGuard::open(options.web_config_file, {}, logger);
  if (!guard) return failed("Error loading --web.config.file", guard.error());
  prometheus::Registry registry;
  storage::Options storage = options.storage;
  const Retention retention = choose_retention(options, configuration->server.storage.retention);
  storage.retention_ms = retention.time_ms;
  storage.retention_bytes = retention.bytes;
  storage.retention_5m_ms = retention.rollup_5m_ms;
  storage.retention_1h_ms = retention.rollup_1h_ms;
  storage.retention_rules = configuration->retention_rules;
  storage.out_of_order_ms = configuration->server.storage.out_of_order_window_ms.value_or(storage.out_of_order_ms);
  if (const std::string& file = configuration->server.storage.encryption_key_file; !file.empty()) {
    storage.encryption_key_file = file;
  }
  auto store = storage::Store::open(storage, system_clock(), logger, registry);
  if (!store) return failed("Opening storage failed", store.error());

  Server server(options, logger, std::move(*store), **guard, registry);
  if (const Status status = server.start(*configuration); !status.ok()) {
    (void)server.stop();
    return failed("Unable to start", status);
  }
  logger.info("Server is ready to receive web requests.");
  wait_for_end(signals, server, logger);
  if (const Status status = server.stop(); !status.ok()) return failed("Closing storage failed", status);
  logger.info("See you next time!");
  return 0;
}

}  // namespace tidemark
