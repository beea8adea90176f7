#include "net/server.h"

#include <algorithm>
#include <mutex>
#include <thread>

#include "net/front.h"
#include "net/gzip.h"
#include "net/processor.h"
#include "net/routes.h"

namespace tidemark::net {

struct Server::State {
  explicit State(ServerOptions given) : options(std::move(given)), front(options, routes) {}

  void work() {
    Processor processor(observer, options, front.budget(), gzippers);
    while (Connection* connection = front.next()) {
      processor.serve(*connection);
      front.finish(*connection);
    }
  }

  const ServerOptions options;
  RouteTable routes;
  RequestObserver observer;
  Front front;
  GzipperPool gzippers;
  std::vector<std::thread> workers;
  std::mutex stop_mu;  // Makes stop() idempotent when two threads call it.
};

Server::Server(ServerOptions options) : state_(std::make_unique<State>(std::move(options))) {}

Server::~Server() { stop(); }

void Server::route(std::string_view methods, std::string_view pattern, Handler handler, size_t body_bytes_max) {
  state_->routes.add(methods, pattern, std::move(handler), body_bytes_max);
}

void Server::on_request(RequestObserver observer) { state_->observer = std::move(observer); }

std::string Server::start() {
  if (std::string error = state_->front.start(); !error.empty()) return error;
  const unsigned workers = std::max(1u, state_->options.workers);
  for (unsigned i = 0; i < workers; ++i) state_->workers.emplace_back([this] { state_->work(); });
  return {};
}

void Server::stop(int64_t grace_ms) {
  const std::lock_guard lock(state_->stop_mu);
  state_->front.stop(grace_ms);
  for (std::thread& worker : state_->workers) worker.join();
  state_->workers.clear();
}

std::vector<uint16_t> Server::ports() const { return state_->front.ports(); }

ServerStats Server::stats() const { return state_->front.stats(); }

}  // namespace tidemark::net
