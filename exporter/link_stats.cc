#include "exporter/link_stats.h"

#include <errno.h>
#include <fmt/format.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>

namespace tidemark::exporter {
namespace {

constexpr size_t kLinksMax = 65'536;
constexpr size_t kBufferBytes = 32 << 10;  // What iproute2 offers; the kernel fills at most this much a message.

class Socket {
 public:
  Socket() : fd_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)) {}
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
  return Status::io(fmt::format("rtnetlink: {}: {}", what, strerror(error)));
}

// REQUIRES: `message` is a whole RTM_NEWLINK message.
void append_link(nlmsghdr* message, std::vector<LinkStats>& out) {
  auto* link = static_cast<ifinfomsg*>(NLMSG_DATA(message));
  if (message->nlmsg_len < NLMSG_LENGTH(sizeof *link)) return;
  auto length = static_cast<int>(IFLA_PAYLOAD(message));
  LinkStats stats{};
  bool counted = false;
  for (rtattr* attribute = IFLA_RTA(link); RTA_OK(attribute, length); attribute = RTA_NEXT(attribute, length)) {
    const char* data = static_cast<const char*>(RTA_DATA(attribute));
    const size_t bytes = RTA_PAYLOAD(attribute);
    if (attribute->rta_type == IFLA_IFNAME) {
      stats.name.assign(data, ::strnlen(data, bytes));
    } else if (attribute->rta_type == IFLA_STATS64) {
      // Older kernels send fewer counters, newer ones more.
      ::memcpy(&stats.counters, data, std::min(bytes, sizeof stats.counters));
      counted = true;
    }
  }
  if (counted && !stats.name.empty()) out.push_back(std::move(stats));
}

}  // namespace

Result<std::vector<LinkStats>> read_link_stats() {
  const Socket socket;
  if (socket.fd() < 0) return fail(failed("socket", errno));
  const timeval patience{.tv_sec = 2, .tv_usec = 0};
  ::setsockopt(socket.fd(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  struct {
    nlmsghdr header;
    ifinfomsg link;
  } request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_GETLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.link.ifi_family = AF_UNSPEC;
  if (::send(socket.fd(), &request, sizeof request, 0) < 0) return fail(failed("send", errno));

  std::vector<LinkStats> out;
  std::vector<std::max_align_t> buffer(kBufferBytes / sizeof(std::max_align_t));
  for (;;) {
    const ssize_t got = ::recv(socket.fd(), buffer.data(), kBufferBytes, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return fail(failed("receive", got == 0 ? ECONNRESET : errno));
    auto length = static_cast<unsigned>(got);
    for (auto* message = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(message, length);
         message = NLMSG_NEXT(message, length)) {
      if (message->nlmsg_type == NLMSG_DONE) return out;
      if (message->nlmsg_type == NLMSG_ERROR) {
        const auto* error = static_cast<const nlmsgerr*>(NLMSG_DATA(message));
        return fail(failed("dump", -error->error));
      }
      if (message->nlmsg_type == RTM_NEWLINK) append_link(message, out);
      if (out.size() > kLinksMax) return fail(Status::limit("rtnetlink: more than 65,536 interfaces"));
    }
  }
}

}  // namespace tidemark::exporter
