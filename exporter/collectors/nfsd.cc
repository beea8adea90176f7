// The NFS server: /proc/net/rpc/nfsd. A host that serves none has no such file.
#include "exporter/collectors/collectors.h"
#include "exporter/rpc_stats.h"

namespace tidemark::exporter {
namespace {

// Operations of NFS 4.0 by number (RFC 7530); the first three numbers of the line are unused. Those that only name the
// public or the root file handle are not shown.
constexpr RpcProcedure kNfs4[] = {
    {"Access", 4},     {"Close", 5},        {"Commit", 6},       {"Create", 7},
    {"DelegPurge", 8}, {"DelegReturn", 9},  {"GetAttr", 10},     {"GetFH", 11},
    {"Link", 12},      {"Lock", 13},        {"Lockt", 14},       {"Locku", 15},
    {"Lookup", 16},    {"LookupRoot", 17},  {"Nverify", 18},     {"Open", 19},
    {"OpenAttr", 20},  {"OpenConfirm", 21}, {"OpenDgrd", 22},    {"PutFH", 23},
    {"Read", 26},      {"ReadDir", 27},     {"ReadLink", 28},    {"Remove", 29},
    {"Rename", 30},    {"Renew", 31},       {"RestoreFH", 32},   {"SaveFH", 33},
    {"SecInfo", 34},   {"SetAttr", 35},     {"SetClientID", 36}, {"SetClientIDConfirm", 37},
    {"Verify", 38},    {"Write", 39},       {"RelLockOwner", 40}};

class Nfsd final : public Collector {
 public:
  explicit Nfsd(const CollectorConfig& config) : path_(config.procfs + "/net/rpc/nfsd") {}

  Status collect(ScrapeContext& context, Families& out) override {
    const auto text = context.read_kept(path_, FileKind::kOnePiece);
    if (!text) return text.error().code() == Code::kNotFound ? Status() : text.error();
    Status status = stats_.parse(path_, *text);
    if (!status.ok()) return status;
    const auto count = [&](std::string_view name, std::string_view help, std::string_view keyword, size_t i) {
      add_sample(add_counter(out, name, help), number(keyword, i));
    };
    count("node_nfsd_reply_cache_hits_total", "Requests answered from the reply cache.", "rc", 0);
    count("node_nfsd_reply_cache_misses_total", "Requests not found in the reply cache.", "rc", 1);
    count("node_nfsd_reply_cache_nocache_total", "Requests whose replies are not kept in the reply cache.", "rc", 2);
    count("node_nfsd_file_handles_stale_total", "File handles that were stale.", "fh", 0);
    count("node_nfsd_disk_bytes_read_total", "Bytes read from disk.", "io", 0);
    count("node_nfsd_disk_bytes_written_total", "Bytes written to disk.", "io", 1);
    add_sample(add_gauge(out, "node_nfsd_server_threads", "Threads of the server."), number("th", 0));
    add_sample(add_gauge(out, "node_nfsd_read_ahead_cache_size_blocks", "Size of the read-ahead cache, in blocks."),
               number("ra", 0));
    count("node_nfsd_read_ahead_cache_not_found_total", "Reads not found in the read-ahead cache.", "ra", 11);
    auto& packets = add_counter(out, "node_nfsd_packets_total", "Packets sent and received, by protocol.");
    add_sample(packets, number("net", 1), {{"proto", "udp"}});
    add_sample(packets, number("net", 2), {{"proto", "tcp"}});
    count("node_nfsd_connections_total", "TCP connections accepted.", "net", 3);
    auto& errors = add_counter(out, "node_nfsd_rpc_errors_total", "RPCs that were bad, by what was.");
    add_sample(errors, number("rpc", 2), {{"error", "fmt"}});
    add_sample(errors, number("rpc", 3), {{"error", "auth"}});
    add_sample(errors, number("rpc", 4), {{"error", "cInt"}});
    count("node_nfsd_server_rpcs_total", "RPCs received.", "rpc", 0);
    auto& requests = add_counter(out, "node_nfsd_requests_total", "Requests served, by NFS version.");
    add_procedures(requests, "2", kNfs2Procedures, stats_.line("proc2"));
    add_procedures(requests, "3", kNfs3Procedures, stats_.line("proc3"));
    add_procedures(requests, "4", kNfs4, stats_.line("proc4ops"));
    // What a client with a write delegation was asked for; a line of its own since 6.6.
    add_sample(requests, number("wdeleg_getattr", 0), {{"method", "WdelegGetattr"}, {"proto", "4"}});
    return {};
  }

 private:
  double number(std::string_view keyword, size_t i) const { return static_cast<double>(stats_.line(keyword)[i]); }

  const std::string path_;
  RpcStats stats_;
};

}  // namespace

CollectorResult make_nfsd(const CollectorConfig& config) { return std::make_unique<Nfsd>(config); }

}  // namespace tidemark::exporter
