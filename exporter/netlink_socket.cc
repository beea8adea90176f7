#include "exporter/netlink_socket.h"

#include <errno.h>
#include <fmt/format.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "model/clock.h"

namespace tidemark::exporter {
namespace {

constexpr size_t kBufferBytes = 32 << 10;  // The kernel puts at most this much into one answer.

Status failed(std::string_view what, int error) {
  return Status::io(fmt::format("netlink: {}: {}", what, strerror(error)));
}

}  // namespace

Status NetlinkSocket::open() {
  if (fd_ >= 0) return {};
  fd_ = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol_);
  if (fd_ < 0) return failed("socket", errno);
  // Left as it is: what no answer ever fills costs no memory then.
  if (buffer_ == nullptr)
    buffer_ = std::make_unique_for_overwrite<std::max_align_t[]>(kBufferBytes / sizeof(std::max_align_t));
  return {};
}

void NetlinkSocket::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Status NetlinkSocket::dump(nlmsghdr& request, int64_t deadline_monotonic_ns, const OnAnswer& on_answer) {
  if (Status status = open(); !status.ok()) return status;
  request.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.nlmsg_seq = ++sequence_;
  Status status = ::send(fd_, &request, request.nlmsg_len, 0) < 0 ? failed("send", errno) : Status();
  if (status.ok()) status = receive(deadline_monotonic_ns, on_answer);
  // The rest of a dump that was not read to its end would be taken for the next one's.
  if (!status.ok()) close();
  return status;
}

Status NetlinkSocket::wait(int64_t deadline_monotonic_ns) const {
  const int64_t left_ms = (deadline_monotonic_ns - system_clock().monotonic_ns()) / 1'000'000;
  if (left_ms <= 0) return Status::timeout("netlink: the dump was not over by the scrape's deadline");
  pollfd readable{.fd = fd_, .events = POLLIN, .revents = 0};
  if (::poll(&readable, 1, static_cast<int>(left_ms)) < 0 && errno != EINTR) return failed("poll", errno);
  return {};
}

Status NetlinkSocket::receive(int64_t deadline_monotonic_ns, const OnAnswer& on_answer) {
  for (;;) {
    // The kernel mostly has the answer ready, and then there is nothing to wait for.
    const ssize_t got = ::recv(fd_, buffer_.get(), kBufferBytes, MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) {
      if (Status status = wait(deadline_monotonic_ns); !status.ok()) return status;
      continue;
    }
    if (got <= 0) return failed("receive", got == 0 ? ECONNRESET : errno);
    auto length = static_cast<unsigned>(got);
    for (auto* answer = reinterpret_cast<nlmsghdr*>(buffer_.get()); NLMSG_OK(answer, length);
         answer = NLMSG_NEXT(answer, length)) {
      if (answer->nlmsg_seq != sequence_) continue;
      if (answer->nlmsg_type == NLMSG_DONE) return {};
      if (answer->nlmsg_type == NLMSG_ERROR) {
        const auto* error = static_cast<const nlmsgerr*>(NLMSG_DATA(answer));
        return failed("dump", answer->nlmsg_len < NLMSG_LENGTH(sizeof *error) ? EPROTO : -error->error);
      }
      if (Status status = on_answer(*answer); !status.ok()) return status;
    }
    if (system_clock().monotonic_ns() >= deadline_monotonic_ns) return wait(deadline_monotonic_ns);
  }
}

}  // namespace tidemark::exporter
