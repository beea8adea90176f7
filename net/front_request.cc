// The part of Front that runs on whichever thread owns a connection: from received bytes to a queued request, and from
// an answer to the next request.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "net/answer_rest.h"
#include "net/front.h"
#include "net/monotonic.h"

namespace tidemark::net {

namespace {

constexpr int64_t kDrainMs = 2'000;
constexpr std::string_view kHeadEnd = "\r\n\r\n";

std::string_view reason_phrase(int status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 408:
      return "Request Timeout";
    case 413:
      return "Request Entity Too Large";
    case 414:
      return "Request URI Too Long";
    case 417:
      return "Expectation Failed";
    case 431:
      return "Request Header Fields Too Large";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    default:
      return "HTTP Version Not Supported";
  }
}

}  // namespace

Front::Next Front::advance(Connection& connection) {
  if (connection.phase == Connection::Phase::kHead && take_head(connection) == Next::kElsewhere)
    return Next::kElsewhere;
  return connection.phase == Connection::Phase::kBody ? take_body(connection) : Next::kRead;
}

Front::Next Front::take_head(Connection& connection) {
  std::string& in = connection.in;
  while (connection.searched == 0 && in.starts_with("\r\n")) in.erase(0, 2);  // RFC 9112, section 2.2.
  if (!in.empty() && static_cast<unsigned char>(in[0]) < 0x20 && in[0] != '\r') {
    refuse(connection, 400, "not an HTTP request");  // A TLS client, most of the time: it need not wait to learn it.
    return Next::kElsewhere;
  }
  const size_t end = in.find(kHeadEnd, connection.searched);
  const size_t head_bytes = end == std::string::npos ? in.size() : end + kHeadEnd.size();
  if (head_bytes > options_.head_bytes_max) {
    refuse(connection, 431, "the request's head is too large");
    return Next::kElsewhere;
  }
  if (end == std::string::npos) {
    connection.searched = in.size() < kHeadEnd.size() ? 0 : in.size() - kHeadEnd.size() + 1;
    return Next::kRead;
  }
  auto head = parse_head(std::string_view(in).substr(0, head_bytes), {.header_lines_max = options_.header_lines_max});
  if (!head) {
    refuse(connection, head.error().status, head.error().message);
    return Next::kElsewhere;
  }
  in.erase(0, head_bytes);
  connection.searched = 0;
  connection.head = std::move(*head);
  connection.match = routes_.find(connection.head.method, connection.head.raw_path);
  connection.request_end_ns = deadline_after_ms(options_.request_timeout_ms);
  connection.phase = Connection::Phase::kBody;

  const Route* route = connection.match.route;
  const size_t limit = route != nullptr && route->body_bytes_max > 0 ? route->body_bytes_max : options_.body_bytes_max;
  if (connection.head.content_length > limit) {
    refuse(connection, 413, "the request's body is larger than " + std::to_string(limit) + " bytes");
    return Next::kElsewhere;
  }
  const bool has_body = connection.head.chunked || connection.head.content_length > 0;
  connection.reader = connection.head.chunked ? BodyReader::chunked(limit)
                                              : BodyReader::with_length(connection.head.content_length, limit);
  if (connection.head.expects_continue && has_body && in.empty()) {
    constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    ::send(connection.fd, kContinue.data(), kContinue.size(), MSG_NOSIGNAL);  // Lost: the peer sends after a while.
  }
  return Next::kRead;
}

Front::Next Front::take_body(Connection& connection) {
  const auto progress = connection.reader.consume(connection.in, connection.body);
  if (progress == BodyReader::Progress::kTooLarge || progress == BodyReader::Progress::kMalformed) {
    const bool too_large = progress == BodyReader::Progress::kTooLarge;
    refuse(connection, too_large ? 413 : 400, too_large ? "the request's body is too large" : "malformed chunked body");
    return Next::kElsewhere;
  }
  const size_t grown = connection.body.size() - connection.charged_bytes;
  if (!budget_.take(grown)) {
    requests_refused_.fetch_add(1, std::memory_order_relaxed);
    refuse(connection, 503, "too many bytes are being received");
    return Next::kElsewhere;
  }
  connection.charged_bytes += grown;
  return progress == BodyReader::Progress::kDone ? enqueue(connection) : Next::kRead;
}

Front::Next Front::enqueue(Connection& connection) {
  connection.phase = Connection::Phase::kServe;
  connection.close_after = !connection.head.keep_alive || stopping();
  if (push(connection)) {
    requests_.fetch_add(1, std::memory_order_relaxed);
    return Next::kElsewhere;
  }
  requests_refused_.fetch_add(1, std::memory_order_relaxed);
  refuse(connection, 503, "too many requests are waiting");
  return Next::kElsewhere;
}

bool Front::push(Connection& connection) {
  {
    const std::lock_guard lock(queue_mu_);
    if (queue_.size() >= options_.queue_max || queue_closed_) return false;
    queue_.push_back(&connection);
  }
  queue_filled_.notify_one();  // A worker that is woken while we hold the lock would go to sleep again at once.
  return true;
}

// What was left is sent: a worker makes more.
void Front::enqueue_rest(Connection& connection) {
  release_budget(connection);
  connection.out.clear();
  connection.out_sent = 0;
  connection.phase = Connection::Phase::kServe;
  if (!push(connection)) destroy(connection);  // Cut off: an error would be taken for part of the answer.
}

void Front::finish(Connection& connection) {
  if (connection.broken) return destroy(connection);
  if (connection.out_sent < connection.out.size()) {
    connection.phase = Connection::Phase::kWrite;
    return park(connection, EPOLLOUT, connection.request_end_ns);
  }
  answered(connection);
}

void Front::answered(Connection& connection) {
  release_budget(connection);
  connection.head = {};
  connection.match = {};
  connection.body = {};
  connection.out = {};
  connection.out_sent = 0;
  connection.rest.reset();
  if (connection.close_after) {
    if (connection.in.empty()) {
      connection.end_output();
      return destroy(connection);
    }
    // Closing over unread bytes would reset the connection, and the peer might lose the answer.
    connection.end_output();
    connection.phase = Connection::Phase::kDrain;
    connection.in.clear();
    connection.request_end_ns = deadline_after_ms(kDrainMs);
    return park(connection, EPOLLIN, connection.request_end_ns);
  }
  connection.phase = Connection::Phase::kHead;
  connection.searched = 0;
  if (!connection.in.empty()) {  // The next request came with this one.
    connection.head_began_ns = monotonic_ns();
    if (advance(connection) == Next::kElsewhere) return;
  }
  park_reading(connection);
}

void Front::refuse(Connection& connection, int status, const std::string& message) {
  if (status != 503) heads_refused_.fetch_add(1, std::memory_order_relaxed);
  std::string answer = "HTTP/1.1 " + std::to_string(status) + " " + std::string(reason_phrase(status)) +
                       "\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: " +
                       std::to_string(message.size() + 1) + "\r\n\r\n" + message + "\n";
  // A few hundred bytes into an empty send buffer. A peer that left no room for them gets no explanation.
  connection.transmit(answer);
  connection.end_output();
  release_budget(connection);
  connection.in = {};
  connection.body = {};
  connection.phase = Connection::Phase::kDrain;
  connection.request_end_ns = deadline_after_ms(kDrainMs);
  park(connection, EPOLLIN, connection.request_end_ns);
}

void Front::park_reading(Connection& connection) {
  int64_t deadline_ns = connection.request_end_ns;
  if (connection.phase == Connection::Phase::kHead) {
    deadline_ns = connection.in.empty() ? deadline_after_ms(options_.idle_timeout_ms)
                                        : connection.head_began_ns + options_.head_timeout_ms * 1'000'000;
  }
  park(connection, EPOLLIN, deadline_ns);
}

void Front::park(Connection& connection, uint32_t events, int64_t deadline_ns) {
  {
    // Registered under the lock, so that the sweep cannot close the socket in between.
    const std::lock_guard lock(mu_);
    const bool wanted = !gone_ && (!stopping() || connection.phase == Connection::Phase::kWrite);
    if (wanted) {
      epoll_event event{};
      event.events = events | EPOLLONESHOT;
      event.data.ptr = &connection;
      connection.parked = true;
      connection.deadline_ns = deadline_ns;
      // Not registered before the first wait: even a registration for no events would report a hang-up, when the
      // connection may be a worker's.
      const int operation = connection.registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
      connection.registered = true;
      if (::epoll_ctl(epoll_, operation, connection.fd, &event) == 0) return;
      connection.parked = false;
    }
  }
  destroy(connection);
}

void Front::release_budget(Connection& connection) {
  budget_.give(connection.charged_bytes);
  connection.charged_bytes = 0;
}

void Front::destroy(Connection& connection) {
  release_budget(connection);
  std::unique_ptr<Connection> owner;
  {
    const std::lock_guard lock(mu_);
    const auto at = connections_.find(&connection);
    owner = std::move(at->second);
    connections_.erase(at);
  }
  ::close(owner->fd);
  open_.fetch_sub(1, std::memory_order_relaxed);
  if (stopping()) wake();  // The thread may be waiting for the last one.
}

}  // namespace tidemark::net
