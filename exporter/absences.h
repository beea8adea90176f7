// Absences: what was looked for and is not there, so that a scrape need not ask for hardware the host lacks: some
// thirty open(2) that fail, a tenth of what a page costs.
//
// The kernel announces every device, class and module that comes or goes (NETLINK_KOBJECT_UEVENT), and udev what it
// wrote about one; either makes us forget everything, so what appears is seen by the next scrape. What comes without
// being announced (a file system being mounted; in a user namespace of its own a process hears nothing at all) is seen
// within kRememberNs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>

namespace tidemark::exporter {

// One thread at a time.
class Absences {
 public:
  static constexpr int64_t kRememberNs = 60'000'000'000;
  static constexpr size_t kPathsMax = 4'096;  // Beyond it a path is looked for each time.

  Absences() = default;
  ~Absences();
  Absences(const Absences&) = delete;
  Absences& operator=(const Absences&) = delete;

  // A scrape begins: forgets what may be true no longer.
  void begin(int64_t now_monotonic_ns);

  bool has(std::string_view path) const { return paths_.contains(path); }
  // Looking for `path` failed with that errno; only one that says it is not there is remembered.
  void note(std::string_view path, int error);

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view path) const { return std::hash<std::string_view>()(path); }
  };

  bool something_announced();

  std::unordered_set<std::string, Hash, std::equal_to<>> paths_;
  int64_t forget_at_ns_ = 0;
  int fd_ = -1;
  bool opened_ = false;  // Tried to, once.
};

}  // namespace tidemark::exporter
