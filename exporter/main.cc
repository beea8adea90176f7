// tidemark-exporter: reads this host's state when asked and serves it as Prometheus metrics.
#include <fmt/format.h>
#include <malloc.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <functional>

#include "config/web_guard.h"
#include "exporter/options.h"
#include "exporter/process_metrics.h"
#include "exporter/push/pusher.h"
#include "exporter/script/script_runner.h"
#include "exporter/script_api.h"
#include "exporter/startup_memory.h"
#include "exporter/web.h"
#include "net/listener.h"
#include "net/server.h"

namespace tidemark::exporter {
namespace {

Result<net::ServerOptions> server_options(const Options& options) {
  net::ServerOptions server;
  if (options.systemd_socket) {
    auto sockets = net::systemd_listeners();
    if (!sockets) return fail(Status::invalid("--web.systemd-socket: " + sockets.error()));
    server.listen_sockets = std::move(*sockets);
  } else {
    server.listen_addresses = options.listen_addresses;
  }
  server.body_bytes_max = 64 << 10;  // Nothing here reads a body.
  server.buffered_bytes_max = 64 << 20;
  return server;
}

// Waits for the signal to end. Every thread has these blocked, so they arrive here only.
void wait_for_end(const sigset_t& signals, const std::function<Status()>& reload, Logger& logger) {
  for (;;) {
    int signal = 0;
    if (::sigwait(&signals, &signal) != 0) continue;
    if (signal != SIGHUP) {
      logger.info("stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
      return;
    }
    const Status status = reload();
    if (status.ok()) {
      logger.info("configuration files reread");
    } else {
      logger.error("a configuration file was not taken over, the last one stays", {{"err", status}});
    }
  }
}

int serve(const Options& options, const Collection& collection, const sigset_t& signals, Logger& logger) {
  auto bounds = server_options(options);
  if (!bounds) {
    logger.error("cannot serve", {{"err", bounds.error()}});
    return 1;
  }
  auto guard = config::WebGuard::open(options.web_config_file, {std::begin(kOpenPaths), std::end(kOpenPaths)}, logger);
  if (!guard) {
    logger.error("bad --web.config.file", {{"err", guard.error()}});
    return 1;
  }
  if (!options.web_config_file.empty()) bounds->guard = guard->get();
  Web web(collection, options.web);
  net::Server server(*bounds);
  const HostView view = look_at_host(options.collectors.procfs);
  if (const std::string warning = view.warning(options.collectors.procfs); !warning.empty())
    logger.warn("not looking at the host", {{"why", warning}});
  web.describe_host(options.collectors, view);
  web.add_routes(server, bounds->guard != nullptr ? guard->get() : nullptr);
  ScriptRunner* const scripts = options.collectors.scripts.get();
  if (scripts != nullptr) add_script_routes(server, *scripts, options.admin_users, logger);
  std::unique_ptr<Pusher> pusher;
  if (!options.push.url.empty()) {
    auto opened = Pusher::open(options.push, logger);
    if (!opened) {
      logger.error("cannot push", {{"err", opened.error()}});
      return 1;
    }
    pusher = std::move(*opened);
    web.add_source([&pusher](Families& out) { pusher->append_metrics(out); });
  }
  release_startup_memory();
  const std::string error = server.start();
  if (!error.empty()) {
    logger.error("cannot serve", {{"err", error}});
    return 1;
  }
  const std::vector<uint16_t> ports = server.ports();
  for (size_t i = 0; i < ports.size(); ++i) {
    const std::string address = options.systemd_socket ? "systemd:" : options.listen_addresses[i];
    logger.info("Listening on", {{"address", fmt::format("{}:{}", address.substr(0, address.rfind(':')), ports[i])},
                                 {"tls", (*guard)->has_tls() ? "true" : "false"}});
  }
  const auto reload = [&] {
    const Status web_status = (*guard)->reload();
    const Status script_status = scripts != nullptr ? scripts->reload() : Status();
    return web_status.ok() ? script_status : web_status;
  };
  if (pusher != nullptr) pusher->start([&web](int64_t deadline_ns) { return web.scrape({}, deadline_ns); });
  wait_for_end(signals, reload, logger);
  server.stop();
  if (pusher != nullptr) pusher->stop();
  return 0;
}

// When they are asked for, and there is time for them to run.
Status start_scripts(Options& options, Logger& logger) {
  if (options.once || std::find(options.enabled.begin(), options.enabled.end(), "script") == options.enabled.end())
    return {};
  const ScriptSettings& settings = options.collectors.script;
  auto runner = ScriptRunner::start({.directory = settings.directory,
                                     .config_file = settings.config_file,
                                     .running_max = static_cast<size_t>(std::max<int64_t>(1, settings.running_max))},
                                    logger);
  if (!runner) return runner.error();
  options.collectors.scripts = std::move(*runner);
  return {};
}

int print_once(const Options& options, const Collection& collection) {
  constexpr int64_t kPatienceNs = 10'000'000'000;
  const Web web(collection, options.web);
  const std::string page = web.page({}, system_clock().monotonic_ns() + kPatienceNs);
  const bool written = std::fwrite(page.data(), 1, page.size(), stdout) == page.size() && std::fflush(stdout) == 0;
  return written ? 0 : 1;
}

int run(int argc, char** argv) {
  // One heap for all threads: scrapes are too few to contend for it, and each further one would keep 150 kB.
  ::mallopt(M_ARENA_MAX, 1);
  Options options;
  if (const auto exit_code = parse_options(argc, argv, options)) return *exit_code;
  Logger logger(STDERR_FILENO, options.log_level, options.log_format);
  for (const std::string& warning : options.warnings) logger.warn(warning);
  options.collectors.logger = &logger;
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&signals, signal);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // Before any thread starts.
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGCHLD, SIG_DFL);  // Ignored, as some supervisors hand it down, it loses the exit codes of scripts.
  if (const Status status = start_scripts(options, logger); !status.ok()) {
    logger.error("cannot run scripts", {{"err", status}});
    return 1;
  }
  auto collectors = make_collectors(options);
  if (!collectors) {
    logger.error("bad flags", {{"err", collectors.error()}});
    return 1;
  }
  const Collection collection(std::move(*collectors), options.web.exporter_metrics ? make_process_metrics() : nullptr,
                              logger);
  if (options.once) return print_once(options, collection);
  logger.info("starting tidemark-exporter",
              {{"version", TIDEMARK_VERSION}, {"collectors", fmt::format("{}", fmt::join(collection.names(), ","))}});
  return serve(options, collection, signals, logger);
}

}  // namespace
}  // namespace tidemark::exporter

int main(int argc, char** argv) { return tidemark::exporter::run(argc, argv); }
