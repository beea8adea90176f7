// What each NFS mount has done: /proc/self/mountstats, which the NFS client fills (fs/nfs/iostat.h and
// net/sunrpc/stats.c of the kernel) and nothing else does:
//
//   device server:/srv mounted on /mnt with fstype nfs4 statvers=1.1
//     age:    13968                     seconds
//     events: 52 226 ...                27 counters
//     bytes:  1207640230 0 ...          8
//     xprt:   tcp 832 0 1 0 11 ...      one line a connection
//     per-op statistics
//            READ: 1298 1298 0 ...      8, of newer kernels 9
//
// The server's address is an option of the mount in /proc/self/mountinfo. Mounts of the same export, protocol and
// address share their counters, so they are shown once.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "exporter/collectors/collectors.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

struct Column {
  std::string_view name;  // Behind "node_mountstats_nfs_"; "": not shown.
  std::string_view help;
  double divisor = 1;
  MetricType type = MetricType::kCounter;
};

constexpr Column kEvents[] = {
    {"event_inode_revalidate_total", "Inodes' attributes checked with the server."},
    {"event_dnode_revalidate_total", "Directory entries checked with the server."},
    {"event_data_invalidate_total", "Caches of a file's data dropped."},
    {"event_attribute_invalidate_total", "Caches of attributes dropped."},
    {"event_vfs_open_total", "Files and directories opened."},
    {"event_vfs_lookup_total", "Names looked up in directories."},
    {"event_vfs_access_total", "Permissions checked."},
    {"event_vfs_update_page_total", "Pages updated, perhaps to be written."},
    {"event_vfs_read_page_total", "Pages read one by one."},
    {"event_vfs_read_pages_total", "Groups of pages read."},
    {"event_vfs_write_page_total", "Pages written one by one."},
    {"event_vfs_write_pages_total", "Groups of pages written."},
    {"event_vfs_getdents_total", "Directories read."},
    {"event_vfs_setattr_total", "Attributes set."},
    {"event_vfs_flush_total", "Flushes of what was still to be written, as by close(2)."},
    {"event_vfs_fsync_total", "Calls of fsync(2)."},
    {"event_vfs_lock_total", "Attempts to lock a file."},
    {"event_vfs_file_release_total", "Files closed and forgotten."},
    {"", ""},  // Waits for congestion, which kernels no longer count.
    {"event_truncation_total", "Files cut short."},
    {"event_write_extension_total", "Files that grew because somebody wrote behind their end."},
    {"event_silly_rename_total", "Files removed while they were open."},
    {"event_short_read_total", "Times the server gave less than was asked for."},
    {"event_short_write_total", "Times the server took less than it was given."},
    {"event_jukebox_delay_total", "Times the server said it has to fetch from offline storage first."},
    {"event_pnfs_read_total", "Reads by pNFS."},
    {"event_pnfs_write_total", "Writes by pNFS."},
};

constexpr Column kBytes[] = {
    {"read_bytes_total", "Bytes programs read."},
    {"write_bytes_total", "Bytes programs wrote."},
    {"direct_read_bytes_total", "Bytes programs read past the cache."},
    {"direct_write_bytes_total", "Bytes programs wrote past the cache."},
    {"total_read_bytes_total", "Bytes read from the server."},
    {"total_write_bytes_total", "Bytes written to the server."},
    {"read_pages_total", "Pages read for mappings and the like."},
    {"write_pages_total", "Pages written for mappings and the like."},
};

// As "xprt: tcp" has them. UDP lacks the third to the fifth, RDMA has other numbers from the eleventh on.
constexpr Column kTransport[] = {
    {"", ""},  // The local port.
    {"transport_bind_total", "Times the connection was set up from scratch."},
    {"transport_connect_total", "TCP connections made."},
    {"", ""},  // Jiffies spent connecting.
    {"transport_idle_time_seconds", "How long nothing went over it.", 1, MetricType::kGauge},
    {"transport_sends_total", "Requests sent."},
    {"transport_receives_total", "Answers received."},
    {"transport_bad_transaction_ids_total", "Answers to no request."},
    {"", ""},  // Requests in flight, added up at each.
    {"transport_backlog_queue_total", "Length of the backlog, added up at each request."},
    {"transport_maximum_rpc_slots", "Most requests there ever were at once.", 1, MetricType::kGauge},
    {"transport_sending_queue_total", "Length of the sending queue, added up at each request."},
    {"transport_pending_queue_total", "Length of the queue of those that wait, added up at each request."},
};
constexpr size_t kUdpLacks = 3;             // Columns, behind the second.
constexpr size_t kRdmaCommon = 10;          // Columns it shares with TCP.
constexpr size_t kTransportColumnsMin = 7;  // Of UDP in "statvers=1.0", without slots and queues.

constexpr Column kOperation[] = {
    {"operations_requests_total", "Requests by operation."},
    {"operations_transmissions_total", "Times a request was sent, repetitions included."},
    {"operations_major_timeouts_total", "Requests that hit a major timeout."},
    {"operations_sent_bytes_total", "Bytes sent, headers included."},
    {"operations_received_bytes_total", "Bytes received, headers included."},
    {"operations_queue_time_seconds_total", "Time requests waited to be sent.", 1'000},
    {"operations_response_time_seconds_total", "Time until the answer was there.", 1'000},
    {"operations_request_time_seconds_total", "Time from a request's beginning to its end.", 1'000},
};

constexpr uint64_t kExact = uint64_t{1} << 53;  // Times are shown modulo this: the kernel lets them wrap below zero.

struct Mount {
  std::string_view device;
  std::string_view point;
  std::string_view age;
  std::vector<uint64_t> events;
  std::vector<uint64_t> bytes;
  std::vector<std::pair<std::string_view, std::vector<uint64_t>>> transports;  // By protocol.
  std::vector<std::pair<std::string_view, std::vector<uint64_t>>> operations;  // By name.
};

// All words that are left as numbers; nothing when one is none, or there are fewer than `min`.
std::optional<std::vector<uint64_t>> numbers(std::string_view words, size_t min) {
  std::vector<uint64_t> out;
  for (std::string_view word = next_word(words); !word.empty(); word = next_word(words)) {
    const auto value = to_u64(word);
    if (!value) return std::nullopt;
    out.push_back(*value);
  }
  if (out.size() < min) return std::nullopt;
  return out;
}

// Puts a transport's numbers where kTransport has them.
void arrange(std::string_view protocol, std::vector<uint64_t>& values) {
  if (protocol == "udp") values.insert(values.begin() + 2, kUdpLacks, 0);
  if (protocol == "rdma" && values.size() > kRdmaCommon) values.resize(kRdmaCommon);
  values.resize(std::size(kTransport));
}

// "device D mounted on M with fstype T statvers=1.1", of NFS and with statistics.
std::optional<Mount> parse_mount(std::string_view line) {
  Mount out;
  std::array<std::string_view, 9> words;
  for (std::string_view& word : words) word = next_word(line);
  if (words[2] != "mounted" || words[3] != "on" || words[6] != "fstype") return std::nullopt;
  if ((words[7] != "nfs" && words[7] != "nfs4") || !words[8].starts_with("statvers=")) return std::nullopt;
  out.device = words[1];
  out.point = words[4];
  return out;
}

// One line below a mount's first. False when it is not what it should be.
bool parse_line(std::string_view line, bool& in_operations, Mount& mount) {
  std::string_view rest = line;
  const std::string_view key = next_word(rest);
  const auto keep = [](std::optional<std::vector<uint64_t>> values, std::vector<uint64_t>& target) {
    if (values) target = std::move(*values);
    return values.has_value();
  };
  if (in_operations) {
    auto values = numbers(rest, std::size(kOperation));
    if (!key.ends_with(':') || !values) return false;
    mount.operations.emplace_back(key.substr(0, key.size() - 1), std::move(*values));
    return true;
  }
  if (key == "per-op") in_operations = true;
  if (key == "age:") {
    mount.age = next_word(rest);
    return to_double(mount.age).has_value();
  }
  if (key == "events:") return keep(numbers(rest, std::size(kEvents)), mount.events);
  if (key == "bytes:") return keep(numbers(rest, std::size(kBytes)), mount.bytes);
  if (key == "xprt:") {
    const std::string_view protocol = next_word(rest);
    auto values = numbers(rest, kTransportColumnsMin);
    if (!values) return false;
    arrange(protocol, *values);
    mount.transports.emplace_back(protocol, std::move(*values));
  }
  return true;
}

Result<std::vector<Mount>> parse_mountstats(const std::string& path, std::string_view text) {
  std::vector<Mount> out;
  bool in_mount = false;
  bool in_operations = false;
  for (int number = 1; !text.empty(); ++number) {
    const std::string_view line = trimmed(next_line(text));
    if (line.starts_with("device ")) {
      auto mount = parse_mount(line);
      in_mount = mount.has_value();
      in_operations = false;
      if (mount) out.push_back(std::move(*mount));
    } else if (line.empty()) {
      in_mount = false;
    } else if (in_mount && !parse_line(line, in_operations, out.back())) {
      return fail(Status::invalid(fmt::format("{}:{}: cannot parse \"{}\"", path, number, line)));
    }
  }
  return out;
}

// The option "addr" of the mount at `point` with `device`: behind " - " the type, the device and the options.
std::string_view server_address(std::string_view mountinfo, const Mount& mount) {
  while (!mountinfo.empty()) {
    std::string_view line = next_line(mountinfo);
    const size_t dash = line.find(" - ");
    if (dash == line.npos) continue;
    std::string_view second = line.substr(dash + 3);
    next_word(second);
    if (next_word(second) != mount.device) continue;
    std::string_view point;
    for (int i = 0; i < 5; ++i) point = next_word(line);
    if (point != mount.point) continue;
    for (std::string_view options = next_word(second); !options.empty();) {
      const size_t comma = options.find(',');
      const std::string_view one = options.substr(0, comma);
      if (one.starts_with("addr=")) return one.substr(5);
      options.remove_prefix(comma == options.npos ? options.size() : comma + 1);
    }
  }
  return {};
}

class Mountstats final : public Collector {
 public:
  explicit Mountstats(const CollectorConfig& config)
      : path_(config.procfs + "/self/mountstats"), mountinfo_(config.procfs + "/self/mountinfo") {}

  Status collect(ScrapeContext& context, Families& out) override {
    const auto text = context.read_kept(path_);
    if (!text) return text.error();
    const auto mounts = parse_mountstats(path_, *text);
    if (!mounts) return mounts.error();
    if (mounts->empty()) return {};
    const auto mountinfo = context.read_kept(mountinfo_);
    if (!mountinfo) return mountinfo.error();

    Shown shown(out);
    for (const Mount& mount : *mounts) shown.add(mount, server_address(*mountinfo, mount), out);
    return {};
  }

 private:
  class Shown {
   public:
    explicit Shown(Families& out)
        : point_(add_gauge(out, "node_mountstats_nfs_mountpoint_info", "Where an export is mounted; always 1.")),
          age_(add_counter(out, "node_mountstats_nfs_age_seconds_total", "How long it has been mounted.")),
          bytes_(add_table(kBytes, out)),
          transport_(add_table(kTransport, out)),
          operation_(add_table(kOperation, out)),
          events_(add_table(kEvents, out)) {}

    void add(const Mount& mount, std::string_view address, Families& out) {
      for (const auto& [protocol, values] : mount.transports) {
        if (points_.insert({mount.device, protocol, address, mount.point}).second)
          add_sample(
              point_, 1,
              {{"export", mount.device}, {"mountaddr", address}, {"mountpoint", mount.point}, {"protocol", protocol}});
        // Several connections of a mount have the same protocol, and its counters are shown with the first.
        if (!mounts_.insert({mount.device, protocol, address}).second) break;
        add_counters(mount, protocol, address, out);
      }
    }

   private:
    static std::vector<Family*> add_table(std::span<const Column> columns, Families& out) {
      std::vector<Family*> families;
      for (const Column& column : columns)
        families.push_back(column.name.empty() ? nullptr
                                               : &add_family(out, fmt::format("node_mountstats_nfs_{}", column.name),
                                                             column.type, column.help));
      return families;
    }

    static void add_row(std::span<const Column> columns, const std::vector<Family*>& families,
                        const std::vector<uint64_t>& values, const LabelSet& labels) {
      for (size_t i = 0; i < families.size() && i < values.size(); ++i) {
        if (families[i] == nullptr) continue;
        const bool is_time = columns[i].divisor != 1 || columns[i].name == "transport_idle_time_seconds";
        const uint64_t value = is_time ? values[i] % kExact : values[i];
        add_sample(*families[i], static_cast<double>(value) / columns[i].divisor, labels);
      }
    }

    void add_counters(const Mount& mount, std::string_view protocol, std::string_view address, Families& out) {
      const LabelSet labels =
          out.add_labels({{"export", mount.device}, {"mountaddr", address}, {"protocol", protocol}});
      if (const auto age = to_double(mount.age)) add_sample(age_, *age, labels);
      add_row(kBytes, bytes_, mount.bytes, labels);
      add_row(kEvents, events_, mount.events, labels);
      for (size_t i = 0; i < mount.transports.size(); ++i) {
        const std::string number = std::to_string(i);
        add_row(kTransport, transport_, mount.transports[i].second,
                out.add_labels(
                    {{"export", mount.device}, {"mountaddr", address}, {"protocol", protocol}, {"transport", number}}));
      }
      for (const auto& [operation, values] : mount.operations) {
        add_row(
            kOperation, operation_, values,
            out.add_labels(
                {{"export", mount.device}, {"mountaddr", address}, {"operation", operation}, {"protocol", protocol}}));
      }
    }

    Family& point_;
    Family& age_;
    const std::vector<Family*> bytes_;
    const std::vector<Family*> transport_;
    const std::vector<Family*> operation_;
    const std::vector<Family*> events_;
    std::set<std::array<std::string_view, 4>> points_;
    std::set<std::array<std::string_view, 3>> mounts_;
  };

  const std::string path_;
  const std::string mountinfo_;
};

}  // namespace

CollectorResult make_mountstats(const CollectorConfig& config) { return std::make_unique<Mountstats>(config); }

}  // namespace tidemark::exporter
