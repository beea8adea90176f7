#include "exporter/netlink_dump.h"

#include <errno.h>
#include <fmt/format.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstddef>
#include <memory>

#include "model/clock.h"

namespace tidemark::exporter {
namespace {

constexpr size_t kBufferBytes = 32 << 10;  // The kernel puts at most this much into one answer.

class Socket {
 public:
  explicit Socket(int protocol) : fd_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol)) {}
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

Status failed(std::string_view what, int error) {
  return Status::io(fmt::format("netlink: {}: {}", what, strerror(error)));
}

}  // namespace

Status netlink_dump(int protocol, nlmsghdr& request, int64_t deadline_monotonic_ns,
                    const std::function<Status(const nlmsghdr&)>& on_answer) {
  const Socket socket(protocol);
  if (socket.fd() < 0) return failed("socket", errno);
  request.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.nlmsg_seq = 1;
  if (::send(socket.fd(), &request, request.nlmsg_len, 0) < 0) return failed("send", errno);
  const std::unique_ptr<std::max_align_t[]> buffer(new std::max_align_t[kBufferBytes / sizeof(std::max_align_t)]);
  for (;;) {
    const int64_t left_us = (deadline_monotonic_ns - system_clock().monotonic_ns()) / 1'000;
    if (left_us <= 0) return Status::timeout("netlink: the dump was not over by the scrape's deadline");
    const timeval patience{.tv_sec = left_us / 1'000'000, .tv_usec = left_us % 1'000'000};
    ::setsockopt(socket.fd(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    const ssize_t got = ::recv(socket.fd(), buffer.get(), kBufferBytes, 0);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got <= 0) return failed("receive", got == 0 ? ECONNRESET : errno);
    auto length = static_cast<unsigned>(got);
    for (auto* answer = reinterpret_cast<nlmsghdr*>(buffer.get()); NLMSG_OK(answer, length);
         answer = NLMSG_NEXT(answer, length)) {
      if (answer->nlmsg_type == NLMSG_DONE) return {};
      if (answer->nlmsg_type == NLMSG_ERROR) {
        const auto* error = static_cast<const nlmsgerr*>(NLMSG_DATA(answer));
        return failed("dump", answer->nlmsg_len < NLMSG_LENGTH(sizeof *error) ? EPROTO : -error->error);
      }
      if (Status status = on_answer(*answer); !status.ok()) return status;
    }
  }
}

}  // namespace tidemark::exporter
