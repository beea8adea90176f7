#include "exporter/directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

constexpr size_t kTextBytes = 4'096;
constexpr size_t kEntriesBytes = 8 << 10;
constexpr size_t kNumberBytes = 64;  // The kernel charges some files by the size of the buffer offered.

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

Directory::Directory(std::string path) : path_(std::move(path)) {
  fd_ = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

Directory::Directory(Absences& absences, std::string path) : path_(std::move(path)) {
  if (absences.has(path_)) return;
  fd_ = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd_ < 0) absences.note(path_, errno);
}

Directory::Directory(const Directory& parent, const std::string& name) : path_(parent.path_ + "/" + name) {
  if (parent.fd_ >= 0) fd_ = ::openat(parent.fd_, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

Directory::Directory(Directory&& other) noexcept : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}

Directory::~Directory() {
  if (fd_ >= 0) ::close(fd_);
}

std::vector<std::string> Directory::names(size_t max) const {
  std::vector<std::string> out;
  // readdir(3) wants a descriptor of its own and memory: nine system calls instead of two.
  if (fd_ < 0 || ::lseek(fd_, 0, SEEK_SET) < 0) return out;
  alignas(dirent64) char entries[kEntriesBytes];
  for (;;) {
    const ssize_t got = ::getdents64(fd_, entries, sizeof entries);
    if (got <= 0) break;
    for (ssize_t at = 0; at < got;) {
      const auto* entry = reinterpret_cast<const dirent64*>(entries + at);
      at += entry->d_reclen;
      if (entry->d_name[0] != '.' && out.size() < max) out.emplace_back(entry->d_name);
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<std::string> Directory::numbered(std::string_view prefix, size_t max) const {
  std::vector<std::string> out = names(max);
  std::erase_if(out, [&](const std::string& name) {
    return !name.starts_with(prefix) || !is_number(std::string_view(name).substr(prefix.size()));
  });
  return out;
}

std::optional<std::string_view> Directory::read(const std::string& file, std::span<char> buffer) const {
  if (fd_ < 0) return std::nullopt;
  // O_NONBLOCK: a pipe in the place of a file must not hold the scrape.
  const int fd = ::openat(fd_, file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return std::nullopt;
  ssize_t got = -1;
  do {
    got = ::read(fd, buffer.data(), buffer.size());
  } while (got < 0 && errno == EINTR);
  const bool readable = got >= 0;
  ::close(fd);
  if (!readable) return std::nullopt;
  return std::string_view(buffer.data(), static_cast<size_t>(got));
}

std::optional<std::string> Directory::text(const std::string& file) const {
  std::array<char, kTextBytes> buffer;
  const auto got = read(file, buffer);
  if (!got) return std::nullopt;
  return std::string(trimmed(*got));
}

std::optional<double> Directory::number(const std::string& file) const {
  std::array<char, kNumberBytes> buffer;
  const auto got = read(file, buffer);
  if (!got) return std::nullopt;
  return parse_number(trimmed(*got));
}

bool Directory::has(const std::string& name) const { return fd_ >= 0 && ::faccessat(fd_, name.c_str(), F_OK, 0) == 0; }

std::string Directory::link_name(const std::string& name) const {
  char target[PATH_MAX];
  const ssize_t got = fd_ < 0 ? -1 : ::readlinkat(fd_, name.c_str(), target, sizeof target);
  if (got < 0) return "";
  const std::string_view whole(target, static_cast<size_t>(got));
  return std::string(whole.substr(whole.rfind('/') + 1));
}

std::optional<double> parse_number(std::string_view text) {
  if (text.starts_with("0x") || text.starts_with("0X")) {
    uint64_t v = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + 2, end, v, 16);
    if (error != std::errc() || stop != end) return std::nullopt;
    return static_cast<double>(v);
  }
  // from_chars would take "inf" and "nan", which no kernel prints as a number.
  const std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
  if (digits.empty() || ((digits[0] < '0' || digits[0] > '9') && digits[0] != '.')) return std::nullopt;
  return to_double(text);
}

}  // namespace tidemark::exporter
