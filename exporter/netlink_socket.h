// NetlinkSocket: dumps over netlink(7), a request and all answers to it.
#pragma once

#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "model/status.h"

namespace tidemark::exporter {

// Opened when first needed and kept until a dump fails. One thread at a time.
class NetlinkSocket {
 public:
  explicit NetlinkSocket(int protocol) : protocol_(protocol) {}  // NETLINK_*.
  ~NetlinkSocket() { close(); }
  NetlinkSocket(const NetlinkSocket&) = delete;
  NetlinkSocket& operator=(const NetlinkSocket&) = delete;

  // Sends `request`, a whole message whose header need only have its length and type set, and hands each answer to
  // `on_answer` until the dump is over, one of them fails, or the deadline. Errors say "netlink" and what failed.
  using OnAnswer = std::function<Status(nlmsghdr&)>;
  Status dump(nlmsghdr& request, int64_t deadline_monotonic_ns, const OnAnswer& on_answer);

 private:
  Status open();
  void close();
  Status wait(int64_t deadline_monotonic_ns) const;  // For something to receive.
  Status receive(int64_t deadline_monotonic_ns, const OnAnswer& on_answer);

  const int protocol_;
  int fd_ = -1;
  uint32_t sequence_ = 0;
  std::unique_ptr<std::max_align_t[]> buffer_;
};

}  // namespace tidemark::exporter
