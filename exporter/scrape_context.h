// ScrapeContext: what one scrape reads with. It keeps the descriptors and buffers of the files every scrape needs, so
// that a scrape costs one pread a file and no allocation (open, read and close cost three and a half times as much).
//
// A context belongs to one scrape at a time; Collection hands out one to each that runs, and keeps a few for the next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/status.h"

namespace tidemark::exporter {

class ScrapeContext {
 public:
  ScrapeContext() = default;
  ~ScrapeContext();
  ScrapeContext(const ScrapeContext&) = delete;
  ScrapeContext& operator=(const ScrapeContext&) = delete;

  // Starts a scrape: what was read before is stale from here on.
  void begin(int64_t deadline_monotonic_ns);
  int64_t deadline_monotonic_ns() const { return deadline_monotonic_ns_; }

  // A file that each scrape reads: its descriptor stays open, and collectors that ask for the same path in one scrape
  // share one read. The view is valid until begin(). For paths known at start only, or descriptors pile up.
  Result<std::string_view> read_kept(const std::string& path);

  // A small file whose name depends on what is there (a device's in sysfs). Valid until the next read_once(). At most
  // 64 kB; longer is an error. A missing file is kNotFound.
  Result<std::string_view> read_once(const std::string& path);

 private:
  struct KeptFile {
    std::string path;
    int fd = -1;
    bool fresh = false;  // Read in this scrape.
    Status status;
    std::string buffer;  // Its size is its capacity; `length` bytes of it are the file.
    size_t length = 0;
  };

  static Status refresh(KeptFile& file);

  int64_t deadline_monotonic_ns_ = 0;
  std::vector<KeptFile> kept_;
  std::string once_;
};

}  // namespace tidemark::exporter
