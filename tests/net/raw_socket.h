// RawSocket: a TCP peer for tests, client or server side, that sends exactly the bytes it is told to.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace tidemark::net::testing {

struct RawResponse {
  int status = 0;  // 0: the connection ended, or nothing came in time.
  std::string head;
  std::string body;
  bool has(std::string_view text) const { return head.find(text) != std::string::npos; }
};

class RawSocket {
 public:
  explicit RawSocket(int fd) : fd_(fd) {}
  ~RawSocket() { close(); }
  RawSocket(RawSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)), in_(std::move(other.in_)) {}
  RawSocket& operator=(RawSocket&&) = delete;
  RawSocket(const RawSocket&) = delete;

  static RawSocket connect(uint16_t port) {
    RawSocket out(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    if (::connect(out.fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("connect");
    }
    const int on = 1;
    ::setsockopt(out.fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return out;
  }

  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  int fd() const { return fd_; }

  // False when the peer has gone.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }

  // One response, by its Content-Length or its chunks. Further bytes stay for the next call.
  RawResponse response(bool head_only = false, int timeout_ms = 10'000) {
    RawResponse out;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    size_t end = 0;
    while ((end = in_.find("\r\n\r\n")) == std::string::npos) {
      if (!receive(deadline)) return out;
    }
    out.head = in_.substr(0, end + 4);
    in_.erase(0, end + 4);
    const int status = std::atoi(out.head.c_str() + 9);
    if (out.has("Transfer-Encoding: chunked") && !head_only) {
      if (chunks(deadline, out.body)) out.status = status;
      return out;
    }
    const size_t at = out.head.find("Content-Length: ");
    const size_t length =
        at == std::string::npos || head_only ? 0 : std::strtoull(out.head.c_str() + at + 16, nullptr, 10);
    while (in_.size() < length) {
      if (!receive(deadline)) return out;
    }
    out.body = in_.substr(0, length);
    in_.erase(0, length);
    out.status = status;
    return out;
  }

  // Whether the peer closes within the time. Bytes that come first are kept.
  bool closed_within(int timeout_ms) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    while (receive(deadline)) {
    }
    return ended_;
  }

  // Everything up to and including `mark`.
  std::string receive_until(std::string_view mark, int timeout_ms = 10'000) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    while (in_.find(mark) == std::string::npos) {
      if (!receive(deadline)) return {};
    }
    const size_t end = in_.find(mark) + mark.size();
    std::string out = in_.substr(0, end);
    in_.erase(0, end);
    return out;
  }

  const std::string& unread() const { return in_; }

 private:
  // Appends to `body` what all chunks hold. False when they do not come to their end.
  bool chunks(std::chrono::steady_clock::time_point deadline, std::string& body) {
    for (;;) {
      size_t line_end = 0;
      while ((line_end = in_.find("\r\n")) == std::string::npos) {
        if (!receive(deadline)) return false;
      }
      const size_t size = std::strtoull(in_.c_str(), nullptr, 16);
      const size_t end = line_end + 2 + size + 2;
      while (in_.size() < end) {
        if (!receive(deadline)) return false;
      }
      body.append(in_, line_end + 2, size);
      in_.erase(0, end);
      if (size == 0) return true;
    }
  }

  bool receive(std::chrono::steady_clock::time_point deadline) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd waiting{fd_, POLLIN, 0};
    if (left <= 0 || ::poll(&waiting, 1, static_cast<int>(left)) <= 0) return false;
    char piece[16 << 10];
    const ssize_t bytes = ::recv(fd_, piece, sizeof piece, 0);
    if (bytes <= 0) {
      ended_ = true;
      return false;
    }
    in_.append(piece, static_cast<size_t>(bytes));
    return true;
  }

  int fd_;
  std::string in_;
  bool ended_ = false;
};

}  // namespace tidemark::net::testing
