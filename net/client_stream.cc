#include "net/client_stream.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "net/monotonic.h"
#include "net/tls.h"

namespace tidemark::net {

namespace {

constexpr ssize_t kAgain = -2;
constexpr size_t kHeadBytesMax = 64 << 10;
// httplib matches the status line with std::regex, which recurses on each byte of it.
constexpr size_t kStatusLineBytesMax = 1 << 10;
constexpr size_t kChunkLineBytesMax = 8 << 10;

std::string errno_text(const char* what) {
  std::string text = std::generic_category().message(errno);
  text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return std::string(what) + ": " + text;
}

}  // namespace

bool wait_for_socket(int fd, short events, int64_t deadline_ns, Exchange& exchange) {
  pollfd waiting{fd, events, 0};
  for (;;) {
    if (exchange.canceled->load()) {
      exchange.fail(Failure::kCanceled);
      return false;
    }
    const int timeout_ms = poll_ms_until(deadline_ns);
    const int ready = timeout_ms > 0 ? ::poll(&waiting, 1, timeout_ms) : 0;
    if (ready > 0) return true;
    if (ready < 0 && errno == EINTR) continue;
    if (poll_ms_until(deadline_ns) > 0) continue;
    exchange.fail(Failure::kTimeout);
    return false;
  }
}

bool ClientStream::within_line_limits(size_t size) {
  if (!exchange_.head_done) {
    ++head_bytes_;
    return head_bytes_ <= (first_line_done_ ? kHeadBytesMax : kStatusLineBytesMax);
  }
  exchange_.line_bytes = size == 1 ? exchange_.line_bytes + 1 : 0;
  return exchange_.line_bytes <= kChunkLineBytesMax;
}

ssize_t ClientStream::read(char* ptr, size_t size) {
  if (!within_line_limits(size)) {
    exchange_.fail(Failure::kHeadTooLarge);
    return -1;
  }
  while (begin_ == end_) {
    // Also between bytes that are there: a server that never pauses is not a reason to stay for ever.
    if (exchange_.canceled->load()) exchange_.fail(Failure::kCanceled);
    if (monotonic_ns() >= exchange_.deadline_ns) exchange_.fail(Failure::kTimeout);
    if (exchange_.failure != Failure::kNone) return -1;
    const ssize_t bytes = receive_once(buffer_.data(), buffer_.size());
    if (bytes == kAgain) continue;
    if (bytes == 0) exchange_.ended = true;
    if (bytes <= 0) return bytes;
    exchange_.received_any = true;
    begin_ = 0;
    end_ = static_cast<size_t>(bytes);
  }
  const size_t bytes = std::min(size, end_ - begin_);
  std::memcpy(ptr, buffer_.data() + begin_, bytes);
  begin_ += bytes;
  if (!first_line_done_ && bytes == 1 && *ptr == '\n') first_line_done_ = true;
  return static_cast<ssize_t>(bytes);
}

ssize_t ClientStream::write(const char* ptr, size_t size) {
  size_t sent = 0;
  while (sent < size) {
    if (exchange_.canceled->load()) exchange_.fail(Failure::kCanceled);
    if (exchange_.failure != Failure::kNone) return -1;
    const ssize_t bytes = send_once(ptr + sent, size - sent);
    if (bytes == kAgain) continue;
    if (bytes < 0) return -1;
    sent += static_cast<size_t>(bytes);
  }
  return static_cast<ssize_t>(size);
}

ssize_t ClientStream::receive_once(char* ptr, size_t size) {
  if (ssl_ != nullptr) return tls_result(SSL_read(ssl_, ptr, static_cast<int>(size)));
  const ssize_t bytes = ::recv(fd_, ptr, size, MSG_DONTWAIT);
  if (bytes >= 0) return bytes;
  if (errno == EINTR) return kAgain;
  if (errno == EAGAIN) return wait_for_socket(fd_, POLLIN, exchange_.deadline_ns, exchange_) ? kAgain : -1;
  exchange_.fail(exchange_.canceled->load() ? Failure::kCanceled : Failure::kReset, errno_text("read"));
  return -1;
}

ssize_t ClientStream::send_once(const char* ptr, size_t size) {
  if (ssl_ != nullptr) {
    return tls_result(SSL_write(ssl_, ptr, static_cast<int>(std::min<size_t>(size, 1 << 30))));
  }
  const ssize_t bytes = ::send(fd_, ptr, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (bytes >= 0) return bytes;
  if (errno == EINTR) return kAgain;
  if (errno == EAGAIN) return wait_for_socket(fd_, POLLOUT, exchange_.deadline_ns, exchange_) ? kAgain : -1;
  exchange_.fail(exchange_.canceled->load() ? Failure::kCanceled : Failure::kReset, errno_text("write"));
  return -1;
}

ssize_t ClientStream::tls_result(int result) {
  if (result > 0) return result;
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_ZERO_RETURN:
      return 0;
    case SSL_ERROR_WANT_READ:
      return wait_for_socket(fd_, POLLIN, exchange_.deadline_ns, exchange_) ? kAgain : -1;
    case SSL_ERROR_WANT_WRITE:
      return wait_for_socket(fd_, POLLOUT, exchange_.deadline_ns, exchange_) ? kAgain : -1;
    default:
      exchange_.fail(exchange_.canceled->load() ? Failure::kCanceled : Failure::kTls, tls_error_text(*ssl_));
      return -1;
  }
}

}  // namespace tidemark::net
