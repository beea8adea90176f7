// ClientStream: one exchange on a client's socket, plain or TLS, as cpp-httplib's client reads and writes it.
//
// httplib has a time-out for each read; a server that drips bytes makes that endless. Here every wait ends at the
// exchange's deadline, and lines and heads, which httplib would buffer without bound, have limits.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include <httplib.h>

namespace tidemark::net {

enum class Failure { kNone, kTimeout, kCanceled, kTls, kReset, kHeadTooLarge };

// What one exchange is bound by, and what became of it.
struct Exchange {
  int64_t deadline_ns = 0;
  const std::atomic<bool>* canceled = nullptr;

  bool head_done = false;        // Set by whoever learns that the answer's head is complete.
  bool received_any = false;     // A byte of the answer came.
  bool ended = false;            // The server closed the connection.
  bool bytes_left_over = false;  // More came than the answer: the connection cannot be used again.
  size_t body_bytes = 0;
  size_t line_bytes = 0;  // Read singly, as httplib reads lines, since anything else was.
  Failure failure = Failure::kNone;
  std::string detail;  // Of kTls and kReset.

  void fail(Failure why, std::string text = {}) {
    if (failure != Failure::kNone) return;
    failure = why;
    detail = std::move(text);
  }
};

// Waits for POLLIN or POLLOUT. False when the deadline passed or the client was canceled, which is noted.
bool wait_for_socket(int fd, short events, int64_t deadline_ns, Exchange& exchange);

class ClientStream final : public httplib::Stream {
 public:
  // `ssl` null: plain. The socket is non-blocking. Everything must outlive the stream.
  ClientStream(int fd, SSL* ssl, Exchange& exchange) : fd_(fd), ssl_(ssl), exchange_(exchange) {}
  ~ClientStream() override { exchange_.bytes_left_over = begin_ < end_; }

  bool is_readable() const override { return true; }
  bool is_writable() const override { return exchange_.failure == Failure::kNone; }
  ssize_t read(char* ptr, size_t size) override;
  ssize_t write(const char* ptr, size_t size) override;
  void get_remote_ip_and_port(std::string& /*ip*/, int& /*port*/) const override {}
  void get_local_ip_and_port(std::string& /*ip*/, int& /*port*/) const override {}
  socket_t socket() const override { return fd_; }

 private:
  bool within_line_limits(size_t size);
  // Bytes moved, 0 at the end of the connection, -1 after noting a failure, kAgain when the socket has to be waited
  // for (and has been).
  ssize_t receive_once(char* ptr, size_t size);
  ssize_t send_once(const char* ptr, size_t size);
  ssize_t tls_result(int result);

  const int fd_;
  SSL* const ssl_;
  Exchange& exchange_;
  std::array<char, 16 << 10> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  size_t head_bytes_ = 0;
  bool first_line_done_ = false;
};

}  // namespace tidemark::net
