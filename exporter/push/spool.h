// Spool: requests that wait on disk for their acknowledgement, oldest first.
//
// An entry is a file, "00000000000000000042.push" by its number:
//
//   bytes 0-7    "TMPUSH1\n"
//   bytes 8-15   XXH3 of all that follows, little endian, as all numbers here
//   bytes 16-23  when it was made, ms since the epoch
//   bytes 24-31  samples in it
//   bytes 32-    the body, as it is sent
//
// It is written under another name and renamed, so a crash leaves a file that is whole or one that is not counted. A
// file whose checksum does not hold (the disk lost its end) costs only itself. Files are synced to the disk once the
// receiver is known not to answer; while it does, an entry lives for a moment and is not worth the wear, so a loss of
// power then may take the last one.
//
// Full, the oldest entries make room: what is newest is what an operator looks at first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "model/status.h"

namespace tidemark::exporter {

struct SpoolEntry {
  uint64_t number = 0;
  int64_t made_ms = 0;
  uint64_t samples = 0;
  std::string body;
};

// Belongs to one thread, and its directory to one process (locked).
class Spool {
 public:
  // Makes the directory when it is missing. kUnavailable when another process has it.
  static Result<Spool> open(const std::string& directory, uint64_t bytes_max);
  Spool(Spool&&) noexcept;
  Spool& operator=(Spool&&) = delete;
  ~Spool();

  // Appends an entry; `sync`: it is on the disk when this returns. How many old ones made room for it.
  Result<size_t> put(std::string_view body, int64_t made_ms, uint64_t samples, bool sync);
  // The oldest one; nothing when it is empty, or the process is out of descriptors or memory. Those before it that do
  // not read are removed and counted as torn.
  std::optional<SpoolEntry> front();
  // Brings to the disk what put() did not.
  void sync();
  // Removes the entry of that number: acknowledged, or refused for good.
  void remove(uint64_t number);

  size_t entries() const { return files_.size(); }
  uint64_t bytes() const { return bytes_; }
  uint64_t torn() const { return torn_; }  // Since open().
  int64_t oldest_ms() const { return files_.empty() ? 0 : files_.front().made_ms; }

 private:
  struct File {
    uint64_t number;
    uint64_t bytes;
    int64_t made_ms;  // 0: of an earlier process, not read yet.
    bool synced;
  };

  Spool(std::string directory, uint64_t bytes_max, int lock_fd);
  Status list();
  std::string path(uint64_t number) const;
  void sync_directory() const;
  void drop(const std::deque<File>::iterator& at);

  std::string directory_;
  uint64_t bytes_max_;
  int lock_fd_;
  std::deque<File> files_;  // By number.
  uint64_t bytes_ = 0;
  uint64_t next_ = 1;
  uint64_t torn_ = 0;
};

}  // namespace tidemark::exporter
