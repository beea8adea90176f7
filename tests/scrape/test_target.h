// TestTarget: a real HTTP server on a port of its own that answers what a test tells it to.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "model/mutex.h"
#include "net/server.h"

namespace tidemark::testing {

class TestTarget {
 public:
  using Answer = std::function<void(const net::Request&, net::Response&)>;

  explicit TestTarget(Answer answer) : answer_(std::move(answer)) {
    net::ServerOptions options;
    options.listen_addresses = {"127.0.0.1:0"};
    server_ = std::make_unique<net::Server>(options);
    server_->route("GET", "/{path}", [this](const net::Request& request, net::Response& response) {
      {
        const MutexLock lock(mu_);
        requests_.push_back(request);
      }
      answer_(request, response);
    });
    error_ = server_->start();
  }
  ~TestTarget() { server_->stop(0); }

  const std::string& error() const { return error_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(server_->ports().at(0)); }
  std::vector<net::Request> requests() {
    const MutexLock lock(mu_);
    return requests_;
  }
  net::ServerStats stats() const { return server_->stats(); }

 private:
  const Answer answer_;
  std::string error_;
  Mutex mu_;
  std::vector<net::Request> requests_ TM_GUARDED_BY(mu_);
  std::unique_ptr<net::Server> server_;
};

}  // namespace tidemark::testing
