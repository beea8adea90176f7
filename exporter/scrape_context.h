// ScrapeContext: what one scrape reads with. It keeps the descriptors and buffers of the files every scrape needs, so
// that a scrape costs one pread a file and no allocation (open, read and close cost three and a half times as much).
//
// A context belongs to one scrape at a time; ScrapeRunner keeps it for the next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "exporter/absences.h"
#include "exporter/rtnetlink.h"
#include "model/status.h"

namespace tidemark::exporter {

// When a file has been read to its end. A pread that returns nothing always says so, but on some files it costs as much
// as the text. See seq_file.c of the kernel for what a read that returns less than was asked for says.
enum class FileKind {
  kUnknown,   // Nothing is known: read until nothing comes.
  kOnePiece,  // The kernel makes the text in one piece (single_open, a sysctl, an attribute of sysfs): it is whole when
              // there was room for more.
  kShortLines  // Made line by line into a page, each line a record (seq_file's show) and none of 512 bytes: whole when
               // there was room for one more.
};

class ScrapeContext {
 public:
  ScrapeContext() = default;
  ~ScrapeContext();
  ScrapeContext(const ScrapeContext&) = delete;
  ScrapeContext& operator=(const ScrapeContext&) = delete;

  // Starts a scrape: what was read before is stale from here on.
  void begin(int64_t deadline_monotonic_ns);
  // By when the collector that runs now should have returned.
  int64_t deadline_monotonic_ns() const { return deadline_monotonic_ns_; }
  void set_deadline(int64_t deadline_monotonic_ns) { deadline_monotonic_ns_ = deadline_monotonic_ns; }

  // A file that each scrape reads: its descriptor stays open, and collectors that ask for the same path in one scrape
  // share one read. The view is valid until begin(). A missing file is kNotFound, one the kernel does not support
  // (EOPNOTSUPP) kUnsupported. What no scrape has asked for in a
  // while is forgotten; beyond kDescriptorsMax files the others are opened each time. Not for regular files that are
  // replaced by new ones of their name.
  static constexpr size_t kDescriptorsMax = 256;
  Result<std::string_view> read_kept(std::string_view path, FileKind kind = FileKind::kUnknown);

  // A mountinfo of procfs, as read_kept(), but read again only when the kernel says that mounts came, went or were
  // mounted anew (poll(2) on it, see proc(5)), and once a minute where it may not say so.
  Result<std::string_view> read_mounts(std::string_view path);

  // A small file that is opened each time: a regular file, or one that is rarely wanted. Valid until the next
  // read_once(). At most 64 kB; longer is an error. A missing file is kNotFound.
  Result<std::string_view> read_once(const std::string& path);

  // The interfaces of this network namespace: one dump a scrape, whoever asks for it. Valid until begin().
  Result<std::span<const Link>> links();
  // What was looked for in vain, by this scrape or one before it.
  Absences& absences() { return absences_; }
  // For further dumps.
  Rtnetlink& rtnetlink() { return rtnetlink_; }

 private:
  struct KeptFile {
    int fd = -1;
    bool fresh = false;  // Read in this scrape.
    uint64_t last_scrape = 0;
    int64_t reread_at_ns = 0;  // Of mounts.
    Status status;
    std::string buffer;  // Its size is its capacity; `length` bytes of it are the file.
    size_t length = 0;
  };
  struct PathHash {
    using is_transparent = void;
    size_t operator()(std::string_view path) const { return std::hash<std::string_view>()(path); }
  };

  using KeptFiles = std::unordered_map<std::string, KeptFile, PathHash, std::equal_to<>>;

  KeptFiles::value_type& find(std::string_view path);
  Result<std::string_view> refreshed(KeptFiles::value_type& kept, FileKind kind);
  Status refresh(const std::string& path, KeptFile& file, FileKind kind);
  void close(KeptFile& file);
  void forget_unused();

  int64_t deadline_monotonic_ns_ = 0;
  uint64_t scrape_ = 0;  // Its number.
  KeptFiles kept_;
  size_t open_ = 0;  // Descriptors in kept_.
  std::string once_;
  Absences absences_;

  Rtnetlink rtnetlink_;
  LinkTable links_;
  Status links_status_;
  bool links_fresh_ = false;
};

}  // namespace tidemark::exporter
