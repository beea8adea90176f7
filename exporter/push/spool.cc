#include "exporter/push/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <utility>

namespace tidemark::exporter {
namespace {

constexpr std::string_view kMagic = "TMPUSH1\n";
constexpr std::string_view kSuffix = ".push";
constexpr size_t kHeadBytes = 32;
constexpr size_t kEntryBytesMax = 64 << 20;
constexpr size_t kEntriesMax = 1'000'000;

void append_u64(std::string& out, uint64_t v) {
  for (int shift = 0; shift < 64; shift += 8) out += static_cast<char>(v >> shift & 0xff);
}

uint64_t read_u64(std::string_view from) {
  uint64_t v = 0;
  for (size_t i = 0; i < 8; ++i) v |= static_cast<uint64_t>(static_cast<unsigned char>(from[i])) << (8 * i);
  return v;
}

Status failed(const std::string& what) { return Status::io(fmt::format("{}: {}", what, strerror(errno))); }

Status write_file(const std::string& path, std::string_view bytes, bool sync) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return failed("create " + path);
  Status status;
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      status = failed("write " + path);
      break;
    }
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  if (status.ok() && sync && ::fdatasync(fd) != 0) status = failed("sync " + path);
  if (::close(fd) != 0 && status.ok()) status = failed("close " + path);
  return status;
}

std::optional<std::string> read_file(const std::string& path, size_t bytes) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  std::string out(bytes, '\0');
  size_t length = 0;
  while (length < bytes) {
    const ssize_t got = ::read(fd, out.data() + length, bytes - length);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    length += static_cast<size_t>(got);
  }
  ::close(fd);
  out.resize(length);
  return out;
}

}  // namespace

Spool::Spool(std::string directory, uint64_t bytes_max, int lock_fd)
    : directory_(std::move(directory)), bytes_max_(bytes_max), lock_fd_(lock_fd) {}

Spool::Spool(Spool&& other) noexcept
    : directory_(std::move(other.directory_)),
      bytes_max_(other.bytes_max_),
      lock_fd_(std::exchange(other.lock_fd_, -1)),
      files_(std::move(other.files_)),
      bytes_(other.bytes_),
      next_(other.next_),
      torn_(other.torn_) {}

Spool::~Spool() {
  if (lock_fd_ >= 0) ::close(lock_fd_);
}

std::string Spool::path(uint64_t number) const { return fmt::format("{}/{:020}{}", directory_, number, kSuffix); }

Result<Spool> Spool::open(const std::string& directory, uint64_t bytes_max) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return fail(Status::io(fmt::format("cannot make {}: {}", directory, error.message())));
  const std::string lock_path = directory + "/LOCK";
  const int fd = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return fail(failed("cannot write to " + directory));
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    ::close(fd);
    return fail(Status::unavailable(fmt::format("{} is another exporter's", directory)));
  }
  Spool spool(directory, bytes_max, fd);
  if (Status status = spool.list(); !status.ok()) return fail(status);
  return spool;
}

Status Spool::list() {
  DIR* dir = ::opendir(directory_.c_str());
  if (dir == nullptr) return failed("cannot list " + directory_);
  while (const dirent* entry = ::readdir(dir)) {
    const std::string_view name = entry->d_name;
    const std::string file = fmt::format("{}/{}", directory_, name);
    if (name.ends_with(".tmp")) {
      ::unlink(file.c_str());  // What a crash left half written.
      ++torn_;
      continue;
    }
    if (!name.ends_with(kSuffix)) continue;
    uint64_t number = 0;
    const auto [end, bad] = std::from_chars(name.data(), name.data() + name.size() - kSuffix.size(), number);
    struct stat info {};
    if (bad != std::errc() || end != name.data() + name.size() - kSuffix.size() || ::stat(file.c_str(), &info) != 0)
      continue;
    files_.push_back({number, static_cast<uint64_t>(info.st_size), 0, true});
    bytes_ += static_cast<uint64_t>(info.st_size);
  }
  ::closedir(dir);
  std::sort(files_.begin(), files_.end(), [](const File& a, const File& b) { return a.number < b.number; });
  if (!files_.empty()) next_ = files_.back().number + 1;
  return {};
}

void Spool::drop(const std::deque<File>::iterator& at) {
  ::unlink(path(at->number).c_str());
  bytes_ -= at->bytes;
  files_.erase(at);
}

Result<size_t> Spool::put(std::string_view body, int64_t made_ms, uint64_t samples, bool sync) {
  std::string tail;
  tail.reserve(16 + body.size());
  append_u64(tail, static_cast<uint64_t>(made_ms));
  append_u64(tail, samples);
  tail += body;
  std::string bytes(kMagic);
  append_u64(bytes, XXH3_64bits(tail.data(), tail.size()));
  bytes += tail;
  if (bytes.size() > bytes_max_)
    return fail(Status::limit(fmt::format("a request of {} bytes is larger than the spool", bytes.size())));
  size_t dropped = 0;
  while (!files_.empty() && (bytes_ + bytes.size() > bytes_max_ || files_.size() >= kEntriesMax)) {
    drop(files_.begin());
    ++dropped;
  }
  const std::string temporary = path(next_) + ".tmp";
  Status status = write_file(temporary, bytes, sync);
  if (status.ok() && ::rename(temporary.c_str(), path(next_).c_str()) != 0) status = failed("rename " + temporary);
  if (!status.ok()) {
    ::unlink(temporary.c_str());
    return fail(status);
  }
  files_.push_back({next_++, bytes.size(), made_ms, sync});
  if (sync) sync_directory();
  bytes_ += bytes.size();
  return dropped;
}

std::optional<SpoolEntry> Spool::front() {
  while (!files_.empty()) {
    File& file = files_.front();
    const bool sized = file.bytes >= kHeadBytes && file.bytes <= kEntryBytesMax;
    const auto bytes = sized ? read_file(path(file.number), file.bytes) : std::nullopt;
    if (sized && !bytes && (errno == EMFILE || errno == ENFILE || errno == ENOMEM)) return std::nullopt;
    const bool whole = bytes && bytes->size() == file.bytes && bytes->starts_with(kMagic);
    if (whole && read_u64(std::string_view(*bytes).substr(8)) == XXH3_64bits(bytes->data() + 16, bytes->size() - 16)) {
      SpoolEntry entry;
      entry.number = file.number;
      entry.made_ms = file.made_ms = static_cast<int64_t>(read_u64(std::string_view(*bytes).substr(16)));
      entry.samples = read_u64(std::string_view(*bytes).substr(24));
      entry.body = bytes->substr(kHeadBytes);
      return entry;
    }
    ++torn_;
    drop(files_.begin());
  }
  return std::nullopt;
}

void Spool::sync() {
  bool any = false;
  for (File& file : files_) {
    if (file.synced) continue;
    const int fd = ::open(path(file.number).c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    file.synced = ::fdatasync(fd) == 0;
    ::close(fd);
    any = true;
  }
  if (any) sync_directory();
}

void Spool::sync_directory() const {
  const int fd = ::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

void Spool::remove(uint64_t number) {
  const auto at = std::find_if(files_.begin(), files_.end(), [&](const File& file) { return file.number == number; });
  if (at != files_.end()) drop(at);
}

}  // namespace tidemark::exporter
