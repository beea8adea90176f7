#include "net/client_connection.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <memory>
#include <system_error>

#include "net/monotonic.h"

namespace tidemark::net {

namespace {

std::string error_text(int error) {
  std::string text = std::generic_category().message(error);
  text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

std::string numeric_address(const sockaddr* address, socklen_t bytes) {
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  if (::getnameinfo(address, bytes, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return "?";
  }
  const bool v6 = address->sa_family == AF_INET6;
  return (v6 ? "[" + std::string(host) + "]" : std::string(host)) + ":" + port;
}

}  // namespace

ClientConnection::ClientConnection(const Url& url, const ClientOptions& options)
    : httplib::ClientImpl(url.host, url.port), url_(url), options_(options) {
  set_keep_alive(true);
  set_url_encode(false);  // Targets come encoded; httplib's encoding would turn "+" into "%2B".
  set_follow_location(false);
  if (url.scheme != "https") return;
  if (auto context = make_tls_context(options)) {
    tls_ = std::move(*context);
  } else {
    tls_context_error_ = context.error();
  }
}

ClientConnection::~ClientConnection() {
  stop();  // While shutdown_ssl() still is ours.
}

bool ClientConnection::perform(httplib::Request& request, httplib::Response& response, Exchange& exchange) {
  exchange_ = &exchange;
  connect_error_.clear();
  connect_error_is_tls_ = false;
  httplib::Error error = httplib::Error::Success;
  const bool done = send(request, response, error);
  if (done && exchange.bytes_left_over) stop();
  exchange_ = nullptr;
  return done;
}

void ClientConnection::interrupt() {
  const std::lock_guard lock(active_mu_);
  if (active_fd_ >= 0) ::shutdown(active_fd_, SHUT_RDWR);
}

void ClientConnection::set_active(int fd) {
  const std::lock_guard lock(active_mu_);
  active_fd_ = fd;
}

bool ClientConnection::create_and_connect_socket(Socket& socket, httplib::Error& error) {
  error = httplib::Error::Connection;
  if (!tls_context_error_.empty()) {
    connect_error_ = tls_context_error_;
    connect_error_is_tls_ = true;
    return false;
  }
  const int64_t deadline_ns = std::min(exchange_->deadline_ns, deadline_after_ms(options_.connect_timeout_ms));
  const int fd = connect_any(deadline_ns);
  if (fd < 0) return false;
  if (tls_) {
    Ssl ssl = handshake(fd, deadline_ns);
    if (!ssl) {
      set_active(-1);
      ::close(fd);
      return false;
    }
    socket.ssl = ssl.release();
  }
  socket.sock = fd;
  error = httplib::Error::Success;
  return true;
}

int ClientConnection::connect_any(int64_t deadline_ns) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int lookup = ::getaddrinfo(url_.host.c_str(), std::to_string(url_.port).c_str(), &hints, &found);
  if (lookup != 0) {
    const bool unknown = lookup == EAI_NONAME;
    connect_error_ = "dial tcp: lookup " + url_.host + ": " + (unknown ? "no such host" : ::gai_strerror(lookup));
    return -1;
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);
  int64_t addresses_left = 0;
  for (const addrinfo* info = found; info != nullptr; info = info->ai_next) ++addresses_left;

  for (const addrinfo* info = found; info != nullptr; info = info->ai_next, --addresses_left) {
    const int fd = ::socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
      connect_error_ = "dial tcp: socket: " + error_text(errno);
      continue;
    }
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    set_active(fd);
    // A silent first address leaves the others their share of the time.
    const int64_t now_ns = monotonic_ns();
    const int64_t share_ns = now_ns + std::max<int64_t>(0, deadline_ns - now_ns) / addresses_left;
    if (connect_one(fd, info->ai_addr, info->ai_addrlen, share_ns)) {
      connect_error_.clear();
      return fd;
    }
    set_active(-1);
    ::close(fd);
    if (exchange_->failure != Failure::kNone) return -1;
  }
  return -1;
}

bool ClientConnection::connect_one(int fd, const void* address, unsigned address_bytes, int64_t deadline_ns) {
  const auto* to = static_cast<const sockaddr*>(address);
  const std::string where = "dial tcp " + numeric_address(to, address_bytes);
  int error = ::connect(fd, to, address_bytes) == 0 ? 0 : errno;
  if (error == EINPROGRESS) {
    // Its own: running out of the connect time-out is not yet the end of the exchange.
    Exchange waiting;
    waiting.canceled = exchange_->canceled;
    if (!wait_for_socket(fd, POLLOUT, deadline_ns, waiting)) {
      connect_error_ = where + ": i/o timeout";
      const bool all_over = waiting.failure == Failure::kCanceled || monotonic_ns() >= exchange_->deadline_ns;
      if (all_over) exchange_->fail(waiting.failure);
      return false;
    }
    socklen_t bytes = sizeof error;
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &bytes);
  }
  if (exchange_->canceled->load()) exchange_->fail(Failure::kCanceled);
  if (error != 0) connect_error_ = where + ": connect: " + error_text(error);
  return error == 0 && exchange_->failure == Failure::kNone;
}

Ssl ClientConnection::handshake(int fd, int64_t deadline_ns) {
  ERR_clear_error();
  Ssl ssl = make_tls_session(*tls_, fd, options_.server_name.empty() ? url_.host : options_.server_name);
  Exchange waiting;
  waiting.canceled = exchange_->canceled;
  while (ssl) {
    const int result = SSL_connect(ssl.get());
    if (result == 1) return ssl;
    const int why = SSL_get_error(ssl.get(), result);
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) {
      connect_error_ = tls_error_text(*ssl);
      connect_error_is_tls_ = true;
      return nullptr;
    }
    if (!wait_for_socket(fd, why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline_ns, waiting)) {
      connect_error_ = "tls: handshake timeout";
      connect_error_is_tls_ = true;
      const bool all_over = waiting.failure == Failure::kCanceled || monotonic_ns() >= exchange_->deadline_ns;
      if (all_over) exchange_->fail(waiting.failure);
      return nullptr;
    }
  }
  connect_error_ = "tls: out of memory";
  return nullptr;
}

// httplib calls this before it closes a socket, whatever the reason.
void ClientConnection::shutdown_ssl(Socket& socket, bool shutdown_gracefully) {
  set_active(-1);
  if (socket.ssl == nullptr) return;
  if (shutdown_gracefully) SSL_shutdown(socket.ssl);
  SSL_free(socket.ssl);
  socket.ssl = nullptr;
}

bool ClientConnection::process_socket(const Socket& socket, std::function<bool(httplib::Stream&)> callback) {
  if (socket.ssl != nullptr) ERR_clear_error();
  ClientStream stream(socket.sock, socket.ssl, *exchange_);
  return callback(stream);
}

}  // namespace tidemark::net
