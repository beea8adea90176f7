// uname(2), as the labels by which dashboards find a host.
#include <errno.h>
#include <fmt/format.h>
#include <string.h>
#include <sys/utsname.h>

#include "exporter/collectors/collectors.h"

namespace tidemark::exporter {
namespace {

class Uname final : public Collector {
 public:
  Status collect(ScrapeContext&, Families& out) override {
    utsname host{};
    if (::uname(&host) != 0) return Status::io(fmt::format("uname: {}", strerror(errno)));
    add_sample(add_gauge(out, "node_uname_info", "What uname(2) says about this host, as labels."), 1,
               {{"domainname", host.domainname},
                {"machine", host.machine},
                {"nodename", host.nodename},
                {"release", host.release},
                {"sysname", host.sysname},
                {"version", host.version}});
    return {};
  }
};

}  // namespace

CollectorResult make_uname(const CollectorConfig&) { return std::make_unique<Uname>(); }

}  // namespace tidemark::exporter
