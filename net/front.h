// Front: accepts connections, collects whole requests within limits, and keeps every wait for a peer off the workers.
//
// One thread with epoll. A connection waiting for its peer is parked: registered one-shot, with a deadline that a
// periodic sweep enforces. A complete request goes through a bounded queue to a worker; the worker sends what the
// socket takes at once and gives the connection back, and the front sends the rest. So a slow peer costs memory within
// a budget, never a thread.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "net/budget.h"
#include "net/connection.h"
#include "net/routes.h"
#include "net/server.h"

namespace tidemark::net {

class Front {
 public:
  // Both must outlive the front.
  Front(const ServerOptions& options, const RouteTable& routes);
  ~Front();
  Front(const Front&) = delete;
  Front& operator=(const Front&) = delete;

  std::string start();  // "" or the error, as Server::start().

  // For workers. Blocks for a complete request, which is the caller's until finish(). Null: end.
  Connection* next();
  // Gives a connection back after its answer: it is closed, waits for its next request, or sends its rest.
  void finish(Connection& connection);

  // Closes the listeners and every connection without a request in flight; returns when the others have finished or
  // `grace_ms` is over, and cuts those off. next() then returns null.
  void stop(int64_t grace_ms);
  bool stopping() const { return stopping_.load(std::memory_order_relaxed); }

  Budget& budget() { return budget_; }
  std::vector<uint16_t> ports() const;
  ServerStats stats() const;

 private:
  struct Listener {
    int fd;
    uint16_t port;
  };

  // On the front's thread.
  void run();
  void on_event(void* source);
  void accept_all(const Listener& listener);
  void admit(int fd);
  void begin_tls(Connection& connection);
  void shake_hands(Connection& connection);
  void on_parked(Connection& connection);
  void read_some(Connection& connection);
  void drain_some(Connection& connection);
  void write_some(Connection& connection);
  void sweep();
  void expire(Connection& connection);
  void begin_stop();

  // On the owner's thread.
  enum class Next { kRead, kElsewhere };  // The owner reads on, or it is the owner no more.
  Next advance(Connection& connection);
  Next take_head(Connection& connection);
  Next take_body(Connection& connection);
  Next enqueue(Connection& connection);
  void enqueue_rest(Connection& connection);
  bool push(Connection& connection);
  void answered(Connection& connection);
  void refuse(Connection& connection, int status, const std::string& message);
  void park(Connection& connection, uint32_t events, int64_t deadline_ns);
  void park_reading(Connection& connection);
  void destroy(Connection& connection);
  void release_budget(Connection& connection);
  void wake();

  const ServerOptions& options_;
  const RouteTable& routes_;
  Budget budget_;
  std::vector<Listener> listeners_;
  int epoll_ = -1;
  int wake_ = -1;  // An eventfd.
  std::thread thread_;
  std::array<char, 64 << 10> received_;  // The front's thread only, as the next two.
  bool accept_paused_ = false;           // Out of descriptors: again after the next sweep.
  bool listeners_closed_ = false;

  std::atomic<bool> stopping_{false};
  std::atomic<int64_t> stop_deadline_ns_{0};

  mutable std::mutex mu_;
  std::unordered_map<Connection*, std::unique_ptr<Connection>> connections_;  // Guarded by mu_, as is the next.
  bool gone_ = false;  // The thread has ended: nothing is parked any more.

  std::mutex queue_mu_;  // Never held together with mu_.
  std::condition_variable queue_filled_;
  std::deque<Connection*> queue_;  // Guarded by queue_mu_, as is the next. At most options_.queue_max.
  bool queue_closed_ = false;

  std::atomic<uint64_t> accepted_{0}, open_{0}, refused_{0}, heads_refused_{0}, requests_{0}, requests_refused_{0};
};

}  // namespace tidemark::net
