#include "net/front.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "net/guard.h"
#include "net/listener.h"
#include "net/monotonic.h"
#include "net/server_tls.h"

namespace tidemark::net {

namespace {

constexpr int kSweepMs = 200;                  // How late a deadline may be noticed.
constexpr size_t kRefusedConnectionsMax = 64;  // Beyond connections_max: being told 503. Further ones are just closed.
constexpr int kReadsPerTurn = 16;              // 1 MB, then the others have a turn.

}  // namespace

Front::Front(const ServerOptions& options, const RouteTable& routes)
    : options_(options), routes_(routes), budget_(options.buffered_bytes_max) {}

Front::~Front() {
  stop(0);
  for (const auto& [connection, owner] : connections_) ::close(connection->fd);
  for (const Listener& listener : listeners_) {
    if (listener.fd >= 0) ::close(listener.fd);
  }
  if (epoll_ >= 0) ::close(epoll_);
  if (wake_ >= 0) ::close(wake_);
}

std::string Front::start() {
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (epoll_ < 0 || wake_ < 0) return "epoll: " + std::generic_category().message(errno);
  for (const std::string& address : options_.listen_addresses) {
    const auto bound = listen_on(address);
    if (!bound) {
      for (const Listener& listener : listeners_) ::close(listener.fd);
      listeners_.clear();
      return bound.error();
    }
    listeners_.push_back({bound->fd, bound->port});
  }
  for (const int fd : options_.listen_sockets) {
    const BoundSocket bound = adopt_listener(fd);
    listeners_.push_back({bound.fd, bound.port});
  }
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event);
  for (Listener& listener : listeners_) {  // Their addresses are final now.
    event.data.ptr = &listener;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, listener.fd, &event);
  }
  thread_ = std::thread([this] { run(); });
  return {};
}

std::vector<uint16_t> Front::ports() const {
  std::vector<uint16_t> ports;
  for (const Listener& listener : listeners_) ports.push_back(listener.port);
  return ports;
}

ServerStats Front::stats() const {
  ServerStats stats;
  stats.connections_accepted = accepted_.load();
  stats.connections_open = open_.load();
  stats.connections_refused = refused_.load();
  stats.heads_refused = heads_refused_.load();
  stats.requests = requests_.load();
  stats.requests_refused = requests_refused_.load();
  return stats;
}

Connection* Front::next() {
  std::unique_lock lock(queue_mu_);
  queue_filled_.wait(lock, [&] { return queue_closed_ || !queue_.empty(); });
  if (queue_closed_) return nullptr;
  Connection* connection = queue_.front();
  queue_.pop_front();
  return connection;
}

void Front::stop(int64_t grace_ms) {
  if (thread_.joinable()) {
    stop_deadline_ns_.store(deadline_after_ms(grace_ms));
    stopping_.store(true);
    wake();
    thread_.join();
  }
  {
    const std::lock_guard lock(queue_mu_);
    queue_closed_ = true;
    queue_.clear();  // Their connections have been cut off, and go with the table.
  }
  queue_filled_.notify_all();
}

void Front::wake() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_, &one, sizeof one);  // Full means awake anyway.
}

void Front::run() {
  std::array<epoll_event, 256> events;
  int64_t swept_ns = monotonic_ns();
  for (;;) {
    bool connected = false;
    {
      const std::lock_guard lock(mu_);
      connected = !connections_.empty();
      if (stopping_ && listeners_closed_ && (!connected || monotonic_ns() >= stop_deadline_ns_)) {
        // Whoever still works on a connection sees its socket fail, and gives it back to be closed.
        for (const auto& [connection, owner] : connections_) ::shutdown(connection->fd, SHUT_RDWR);
        gone_ = true;
        return;
      }
    }
    int timeout_ms = connected || accept_paused_ ? kSweepMs : -1;
    if (stopping_) timeout_ms = listeners_closed_ ? std::min(kSweepMs, poll_ms_until(stop_deadline_ns_)) : 0;
    const int ready = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), timeout_ms);
    for (int i = 0; i < ready; ++i) on_event(events[static_cast<size_t>(i)].data.ptr);
    if (stopping_ && !listeners_closed_) begin_stop();
    if (monotonic_ns() - swept_ns >= int64_t{kSweepMs} * 1'000'000) {
      sweep();
      swept_ns = monotonic_ns();
    }
  }
}

void Front::on_event(void* source) {
  if (source == nullptr) {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t read = ::read(wake_, &count, sizeof count);
    return;
  }
  for (const Listener& listener : listeners_) {
    if (source == &listener) return accept_all(listener);
  }
  auto& connection = *static_cast<Connection*>(source);
  {
    const std::lock_guard lock(mu_);
    connection.parked = false;  // Ours now: one-shot registrations say nothing more until it is parked again.
  }
  on_parked(connection);
}

void Front::accept_all(const Listener& listener) {
  if (listener.fd < 0) return;
  for (;;) {
    const int fd = ::accept4(listener.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      admit(fd);
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno != EAGAIN && !accept_paused_) {  // No descriptors left: the event would fire for ever.
      accept_paused_ = true;
      for (const Listener& each : listeners_) ::epoll_ctl(epoll_, EPOLL_CTL_DEL, each.fd, nullptr);
    }
    return;
  }
}

void Front::admit(int fd) {
  accepted_.fetch_add(1, std::memory_order_relaxed);
  const bool over = open_.load() >= options_.connections_max;
  if (over) refused_.fetch_add(1, std::memory_order_relaxed);
  if (open_.load() >= options_.connections_max + kRefusedConnectionsMax) {
    ::close(fd);
    return;
  }
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  auto owner = std::make_unique<Connection>();
  Connection& connection = *owner;
  connection.fd = fd;
  connection.remote_addr = peer_address(fd);
  open_.fetch_add(1, std::memory_order_relaxed);
  {
    const std::lock_guard lock(mu_);
    connections_.emplace(&connection, std::move(owner));
  }
  const bool tls = options_.guard != nullptr && options_.guard->has_tls();
  if (over && tls) return destroy(connection);  // Being told why would cost a handshake.
  if (over) return refuse(connection, 503, "too many connections");
  if (tls) return begin_tls(connection);
  read_some(connection);
}

void Front::begin_tls(Connection& connection) {
  connection.tls = options_.guard->tls();
  if (connection.tls != nullptr) connection.ssl = make_server_session(*connection.tls, connection.fd);
  if (connection.ssl == nullptr) return destroy(connection);
  connection.phase = Connection::Phase::kHandshake;
  connection.request_end_ns = deadline_after_ms(options_.head_timeout_ms);
  shake_hands(connection);
}

void Front::shake_hands(Connection& connection) {
  const int result = connection.handshake();
  if (result < 0 && errno == EAGAIN) return park(connection, connection.awaited, connection.request_end_ns);
  if (result <= 0) {
    heads_refused_.fetch_add(1, std::memory_order_relaxed);
    return destroy(connection);
  }
  connection.phase = Connection::Phase::kHead;
  read_some(connection);
}

void Front::on_parked(Connection& connection) {
  switch (connection.phase) {
    case Connection::Phase::kHandshake:
      return shake_hands(connection);
    case Connection::Phase::kHead:
    case Connection::Phase::kBody:
      return read_some(connection);
    case Connection::Phase::kWrite:
      return write_some(connection);
    case Connection::Phase::kDrain:
      return drain_some(connection);
    case Connection::Phase::kServe:
      return;  // Never parked.
  }
}

void Front::read_some(Connection& connection) {
  for (int i = 0; i < kReadsPerTurn; ++i) {
    const ssize_t bytes = connection.receive(received_.data(), received_.size());
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0 && errno == EAGAIN) break;
    if (bytes <= 0) return destroy(connection);
    if (connection.phase == Connection::Phase::kHead && connection.in.empty()) {
      connection.head_began_ns = monotonic_ns();
    }
    connection.in.append(received_.data(), static_cast<size_t>(bytes));
    if (advance(connection) == Next::kElsewhere) return;
    // A TLS session gives one record at a time, however much there is.
    if (static_cast<size_t>(bytes) < received_.size() && connection.ssl == nullptr) break;
  }
  park_reading(connection);
}

void Front::drain_some(Connection& connection) {
  for (int i = 0; i < kReadsPerTurn; ++i) {
    const ssize_t bytes = ::recv(connection.fd, received_.data(), received_.size(), 0);
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0 && errno == EAGAIN) break;
    if (bytes <= 0) return destroy(connection);
  }
  park(connection, EPOLLIN, connection.request_end_ns);
}

void Front::write_some(Connection& connection) {
  while (connection.out_sent < connection.out.size()) {
    const ssize_t bytes = connection.transmit(std::string_view(connection.out).substr(connection.out_sent));
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0 && errno == EAGAIN) return park(connection, connection.awaited, connection.request_end_ns);
    if (bytes < 0) return destroy(connection);
    connection.out_sent += static_cast<size_t>(bytes);
  }
  if (connection.rest != nullptr) return enqueue_rest(connection);
  answered(connection);
}

void Front::sweep() {
  if (accept_paused_ && !listeners_closed_) {
    accept_paused_ = false;
    for (Listener& listener : listeners_) {
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.ptr = &listener;
      ::epoll_ctl(epoll_, EPOLL_CTL_ADD, listener.fd, &event);
    }
  }
  std::vector<Connection*> expired;
  const int64_t now_ns = monotonic_ns();
  {
    const std::lock_guard lock(mu_);
    for (const auto& [connection, owner] : connections_) {
      if (!connection->parked || connection->deadline_ns > now_ns) continue;
      connection->parked = false;
      expired.push_back(connection);
    }
  }
  for (Connection* connection : expired) expire(*connection);
}

void Front::expire(Connection& connection) {
  const bool head_begun = connection.phase == Connection::Phase::kHead && !connection.in.empty();
  if (head_begun) return refuse(connection, 408, "the request's head took too long");
  if (connection.phase == Connection::Phase::kBody) return refuse(connection, 408, "the request's body took too long");
  destroy(connection);
}

void Front::begin_stop() {
  listeners_closed_ = true;
  for (Listener& listener : listeners_) {
    ::close(listener.fd);
    listener.fd = -1;
  }
  std::vector<Connection*> waiting;
  {
    const std::lock_guard lock(mu_);
    for (const auto& [connection, owner] : connections_) {
      if (!connection->parked || connection->phase == Connection::Phase::kWrite) continue;
      connection->parked = false;
      waiting.push_back(connection);
    }
  }
  for (Connection* connection : waiting) destroy(*connection);
}

}  // namespace tidemark::net
