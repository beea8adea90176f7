// Directory: one directory of sysfs or procfs, held open while a collector looks at what is in it. Names are looked up
// relative to it, so a long path is walked once for all attributes of a device.
//
// What is not there, or cannot be read, is simply absent: devices come and go while they are looked at, drivers refuse
// single attributes, and neither is a failure of the collector.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::exporter {

// Belongs to one thread.
class Directory {
 public:
  // A directory that cannot be opened exists() not, and is empty.
  explicit Directory(std::string path);
  // The directory `name`, which may be a symbolic link or a path, below `parent`.
  Directory(const Directory& parent, const std::string& name);
  Directory(Directory&& other) noexcept;
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory();

  bool exists() const { return fd_ >= 0; }
  const std::string& path() const { return path_; }

  // What is in it, sorted; without those that begin with a dot. At most 10,000 names.
  std::vector<std::string> names() const;
  // Of these, the ones that are `prefix` and a number, as "cpu12" is for "cpu".
  std::vector<std::string> numbered(std::string_view prefix) const;

  // The first 4 kB of a file (sysfs gives no more), without blanks around them.
  std::optional<std::string> text(const std::string& file) const;
  // A file that holds one number: decimal, with a fraction or not, or hexadecimal with 0x.
  std::optional<double> number(const std::string& file) const;
  bool has(const std::string& name) const;
  // The last component of what a symbolic link points to, as in "driver -> ../../bus/pci/drivers/ahci"; "" if none.
  std::string link_name(const std::string& name) const;

 private:
  size_t read(const std::string& file, char* buffer, size_t size) const;

  std::string path_;
  int fd_ = -1;
};

// The number that is the whole of `text`; see Directory::number.
std::optional<double> parse_number(std::string_view text);

}  // namespace tidemark::exporter
