#include "net/connection.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

#include "net/answer_rest.h"
#include "net/server_tls.h"

namespace tidemark::net {

namespace {

constexpr size_t kTlsBytesMax = 1 << 30;  // OpenSSL counts in int.

// What SSL_read, SSL_write and SSL_do_handshake returned, as the system's calls would have said it.
int as_errno(Connection& connection, int result) {
  if (result > 0) return result;
  switch (SSL_get_error(connection.ssl, result)) {
    case SSL_ERROR_WANT_READ:
      connection.awaited = EPOLLIN;
      errno = EAGAIN;
      return -1;
    case SSL_ERROR_WANT_WRITE:
      connection.awaited = EPOLLOUT;
      errno = EAGAIN;
      return -1;
    case SSL_ERROR_ZERO_RETURN:
      return 0;
    default:
      errno = EPROTO;
      return -1;
  }
}

}  // namespace

Connection::Connection() = default;

Connection::~Connection() { SSL_free(ssl); }

ssize_t Connection::receive(char* to, size_t bytes) {
  awaited = EPOLLIN;
  if (ssl == nullptr) return ::recv(fd, to, bytes, 0);
  ERR_clear_error();
  return as_errno(*this, SSL_read(ssl, to, static_cast<int>(std::min(bytes, kTlsBytesMax))));
}

ssize_t Connection::transmit(std::string_view first, std::string_view second) {
  awaited = EPOLLOUT;
  if (ssl != nullptr) {
    const std::string_view piece = first.empty() ? second : first;
    if (piece.empty()) return 0;
    ERR_clear_error();
    const int sent =
        as_errno(*this, SSL_write(ssl, piece.data(), static_cast<int>(std::min(piece.size(), kTlsBytesMax))));
    if (sent != 0) return sent;
    errno = EPIPE;  // The peer has ended the session.
    return -1;
  }
  iovec parts[2] = {{const_cast<char*>(first.data()), first.size()}, {const_cast<char*>(second.data()), second.size()}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  return ::sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int Connection::handshake() {
  ERR_clear_error();
  const int result = as_errno(*this, SSL_do_handshake(ssl));
  if (result < 0 && errno == EPROTO && ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST) {
    static constexpr std::string_view kPlain =
        "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
        "Client sent an HTTP request to an HTTPS server.\n";
    ::send(fd, kPlain.data(), kPlain.size(), MSG_NOSIGNAL);
  }
  return result;
}

void Connection::end_output() {
  if (ssl != nullptr) {
    ERR_clear_error();
    SSL_shutdown(ssl);
  }
  ::shutdown(fd, SHUT_WR);
}

}  // namespace tidemark::net
