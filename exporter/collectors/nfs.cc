// The NFS client: /proc/net/rpc/nfs. A host that mounts none has no such file.
#include "exporter/collectors/collectors.h"
#include "exporter/rpc_stats.h"

namespace tidemark::exporter {
namespace {

// Both older versions count NULL first.
constexpr RpcProcedure kNull[] = {{"Null", 1}};
// In the order of the client's own list (fs/nfs/nfs4xdr.c, nfs4_procedures).
constexpr RpcProcedure kNfs4[] = {{"Null", 1},
                                  {"Read", 2},
                                  {"Write", 3},
                                  {"Commit", 4},
                                  {"Open", 5},
                                  {"OpenConfirm", 6},
                                  {"OpenNoattr", 7},
                                  {"OpenDowngrade", 8},
                                  {"Close", 9},
                                  {"Setattr", 10},
                                  {"FsInfo", 11},
                                  {"Renew", 12},
                                  {"SetClientID", 13},
                                  {"SetClientIDConfirm", 14},
                                  {"Lock", 15},
                                  {"Lockt", 16},
                                  {"Locku", 17},
                                  {"Access", 18},
                                  {"Getattr", 19},
                                  {"Lookup", 20},
                                  {"LookupRoot", 21},
                                  {"Remove", 22},
                                  {"Rename", 23},
                                  {"Link", 24},
                                  {"Symlink", 25},
                                  {"Create", 26},
                                  {"Pathconf", 27},
                                  {"StatFs", 28},
                                  {"ReadLink", 29},
                                  {"ReadDir", 30},
                                  {"ServerCaps", 31},
                                  {"DelegReturn", 32},
                                  {"GetACL", 33},
                                  {"SetACL", 34},
                                  {"FsLocations", 35},
                                  {"ReleaseLockowner", 36},
                                  {"Secinfo", 37},
                                  {"FsidPresent", 38},
                                  {"ExchangeID", 39},
                                  {"CreateSession", 40},
                                  {"DestroySession", 41},
                                  {"Sequence", 42},
                                  {"GetLeaseTime", 43},
                                  {"ReclaimComplete", 44},
                                  {"GetDeviceInfo", 45},
                                  {"LayoutGet", 46},
                                  {"LayoutCommit", 47},
                                  {"LayoutReturn", 48},
                                  {"SecinfoNoName", 49},
                                  {"TestStateID", 50},
                                  {"FreeStateID", 51},
                                  {"GetDeviceList", 52},
                                  {"BindConnToSession", 53},
                                  {"DestroyClientID", 54},
                                  {"Seek", 55},
                                  {"Allocate", 56},
                                  {"DeAllocate", 57},
                                  {"LayoutStats", 58},
                                  {"Clone", 59}};

class Nfs final : public Collector {
 public:
  explicit Nfs(const CollectorConfig& config) : path_(config.procfs + "/net/rpc/nfs") {}

  Status collect(ScrapeContext& context, Families& out) override {
    const auto text = context.read_kept(path_, FileKind::kOnePiece);
    if (!text) return text.error().code() == Code::kNotFound ? Status() : text.error();
    Status status = stats_.parse(path_, *text);
    if (!status.ok()) return status;
    const auto number = [this](std::string_view keyword, size_t i) {
      return static_cast<double>(stats_.line(keyword)[i]);
    };
    auto& packets = add_counter(out, "node_nfs_packets_total", "Packets sent and received, by protocol.");
    add_sample(packets, number("net", 1), {{"protocol", "udp"}});
    add_sample(packets, number("net", 2), {{"protocol", "tcp"}});
    add_sample(add_counter(out, "node_nfs_connections_total", "TCP connections made."), number("net", 3));
    add_sample(add_counter(out, "node_nfs_rpcs_total", "RPCs made."), number("rpc", 0));
    add_sample(add_counter(out, "node_nfs_rpc_retransmissions_total", "RPCs sent again."), number("rpc", 1));
    add_sample(add_counter(out, "node_nfs_rpc_authentication_refreshes_total", "Credentials refreshed for RPCs."),
               number("rpc", 2));
    auto& requests = add_counter(out, "node_nfs_requests_total", "Procedures called, by NFS version.");
    add_procedures(requests, "2", kNull, stats_.line("proc2"));
    add_procedures(requests, "2", kNfs2Procedures, stats_.line("proc2"));
    add_procedures(requests, "3", kNull, stats_.line("proc3"));
    add_procedures(requests, "3", kNfs3Procedures, stats_.line("proc3"));
    add_procedures(requests, "4", kNfs4, stats_.line("proc4"));
    return {};
  }

 private:
  const std::string path_;
  RpcStats stats_;
};

}  // namespace

CollectorResult make_nfs(const CollectorConfig& config) { return std::make_unique<Nfs>(config); }

}  // namespace tidemark::exporter
