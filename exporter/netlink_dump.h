// One dump over netlink(7): a request, and all answers to it.
#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <functional>

#include "model/status.h"

namespace tidemark::exporter {

// Sends `request`, a whole message of the given protocol (NETLINK_*) whose header need only have its length and type
// set, and hands each answer to `on_answer` until the dump is over, or the deadline. Opens a socket of its own; any
// thread. Errors say "netlink" and what failed.
Status netlink_dump(int protocol, nlmsghdr& request, int64_t deadline_monotonic_ns,
                    const std::function<Status(const nlmsghdr&)>& on_answer);

}  // namespace tidemark::exporter
