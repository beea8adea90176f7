// The counters of every network interface of this network namespace, in one rtnetlink dump (RTM_GETLINK): one exchange
// whatever the number of interfaces, where sysfs costs an open a counter.
#pragma once

#include <linux/if_link.h>

#include <string>
#include <vector>

#include "model/status.h"

namespace tidemark::exporter {

struct LinkStats {
  std::string name;
  rtnl_link_stats64 counters;
};

// Opens a socket of its own; any thread. At most 65,536 interfaces; waits at most two seconds for the kernel.
Result<std::vector<LinkStats>> read_link_stats();

}  // namespace tidemark::exporter
