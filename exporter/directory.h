// Directory: one directory of sysfs or procfs, held open while a collector looks at what is in it. Names are looked up
// relative to it, so a long path is walked once for all attributes of a device.
//
// What is not there, or cannot be read, is simply absent: devices come and go while they are looked at, drivers refuse
// single attributes, and neither is a failure of the collector.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/absences.h"

namespace tidemark::exporter {

// Belongs to one thread.
class Directory {
 public:
  static constexpr size_t kNamesMax = 10'000;

  // A directory that cannot be opened exists() not, and is empty.
  explicit Directory(std::string path);
  // As that, and not asked for again in a while when it is not there: where hardware shows itself, if there is any.
  Directory(Absences& absences, std::string path);
  // The directory `name`, which may be a symbolic link or a path, below `parent`.
  Directory(const Directory& parent, const std::string& name);
  Directory(Directory&& other) noexcept;
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory();

  bool exists() const { return fd_ >= 0; }
  const std::string& path() const { return path_; }

  // What is in it, sorted; without those that begin with a dot.
  std::vector<std::string> names(size_t max = kNamesMax) const;
  // Of these, the ones that are `prefix` and a number, as "cpu12" is for "cpu".
  std::vector<std::string> numbered(std::string_view prefix, size_t max = kNamesMax) const;

  // What one read of a file gives: the kernel hands out small files whole. Valid as long as `buffer`.
  std::optional<std::string_view> read(const std::string& file, std::span<char> buffer) const;

  // The first 4 kB of a file (sysfs gives no more), without blanks around them.
  std::optional<std::string> text(const std::string& file) const;
  // A file that holds one number: decimal, with a fraction or not, or hexadecimal with 0x.
  std::optional<double> number(const std::string& file) const;
  bool has(const std::string& name) const;
  // The last component of what a symbolic link points to, as in "driver -> ../../bus/pci/drivers/ahci"; "" if none.
  std::string link_name(const std::string& name) const;

 private:
  std::string path_;
  int fd_ = -1;
};

// The number that is the whole of `text`; see Directory::number.
std::optional<double> parse_number(std::string_view text);

}  // namespace tidemark::exporter
