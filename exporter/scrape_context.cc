#include "exporter/scrape_context.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <poll.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>

#include "model/clock.h"

namespace tidemark::exporter {
namespace {

// /proc/stat of a host with 8,192 interrupts is 50 kB, /proc/1/mountinfo of one with 10,000 mounts 2 MB.
constexpr size_t kKeptBytesMax = 16 << 20;
// Most are sysctls and attributes of a line; the kernel charges some by the size of the buffer offered.
constexpr size_t kKeptBytesStart = 256;
constexpr uint64_t kForgetScrapes = 64;
constexpr size_t kOnceBytesMax = 64 << 10;
// The kernel collects lines in a buffer of a page at least, and hands out what it holds when the next does not fit.
constexpr size_t kSeqBufferBytes = 4'096;
constexpr size_t kShortLineBytes = 512;
constexpr int64_t kMountsNs = 60'000'000'000;

Status failed(std::string_view what, const std::string& path, int error) {
  std::string message = fmt::format("{} {}: {}", what, path, strerror(error));
  if (error == ENOENT || error == ENOTDIR || error == ENODEV)
    return Status::not_found(std::move(message));  // A device may just have left.
  if (error == EOPNOTSUPP) return Status::unsupported(std::move(message));
  return Status::io(std::move(message));
}

// Whether a read of `got` bytes, `offered` being asked for, was the last of its file.
bool is_whole(size_t got, size_t offered, FileKind kind) {
  switch (kind) {
    case FileKind::kUnknown:
      return false;
    case FileKind::kOnePiece:
      return got < offered;
    case FileKind::kShortLines:
      return got + kShortLineBytes <= std::min(offered, kSeqBufferBytes);
  }
  return false;
}

// A recorded file is never "changed".
bool is_procfs(int fd) {
  struct statfs of_fd {};
  return fd >= 0 && ::fstatfs(fd, &of_fd) == 0 && of_fd.f_type == PROC_SUPER_MAGIC;
}

}  // namespace

ScrapeContext::~ScrapeContext() {
  for (auto& [path, file] : kept_) close(file);
}

void ScrapeContext::begin(int64_t deadline_monotonic_ns) {
  deadline_monotonic_ns_ = deadline_monotonic_ns;
  if (++scrape_ % kForgetScrapes == 0) forget_unused();
  for (auto& [path, file] : kept_) file.fresh = false;
  absences_.begin(system_clock().monotonic_ns());
  links_fresh_ = false;
}

// Files of a device that went away would otherwise hold their descriptors for good.
void ScrapeContext::forget_unused() {
  for (auto it = kept_.begin(); it != kept_.end();) {
    if (it->second.last_scrape + kForgetScrapes < scrape_) {
      close(it->second);
      it = kept_.erase(it);
    } else {
      ++it;
    }
  }
}

void ScrapeContext::close(KeptFile& file) {
  if (file.fd < 0) return;
  ::close(file.fd);
  file.fd = -1;
  --open_;
}

ScrapeContext::KeptFiles::value_type& ScrapeContext::find(std::string_view path) {
  auto found = kept_.find(path);
  if (found == kept_.end()) found = kept_.emplace(path, KeptFile()).first;
  found->second.last_scrape = scrape_;
  return *found;
}

Result<std::string_view> ScrapeContext::read_kept(std::string_view path, FileKind kind) {
  return refreshed(find(path), kind);
}

Result<std::string_view> ScrapeContext::read_mounts(std::string_view path) {
  KeptFiles::value_type& kept = find(path);
  KeptFile& file = kept.second;
  const int64_t now_ns = system_clock().monotonic_ns();
  if (!file.fresh && file.fd >= 0 && file.status.ok() && now_ns < file.reread_at_ns) {
    pollfd changed{.fd = file.fd, .events = POLLPRI, .revents = 0};
    file.fresh = ::poll(&changed, 1, 0) == 0;
  }
  const bool reads = !file.fresh;
  auto text = refreshed(kept, FileKind::kUnknown);
  if (reads) file.reread_at_ns = is_procfs(file.fd) ? now_ns + kMountsNs : 0;
  return text;
}

Result<std::string_view> ScrapeContext::refreshed(KeptFiles::value_type& kept, FileKind kind) {
  auto& [path, file] = kept;
  if (!file.fresh) {
    // What a descriptor stands for can go away (a process, a namespace); the path may name it anew.
    const bool reopened = file.fd < 0;
    file.status = refresh(path, file, kind);
    if (!file.status.ok() && !reopened) file.status = refresh(path, file, kind);
    file.fresh = true;
    if (open_ > kDescriptorsMax) close(file);
  }
  if (!file.status.ok()) return fail(file.status);
  return std::string_view(file.buffer.data(), file.length);
}

Status ScrapeContext::refresh(const std::string& path, KeptFile& file, FileKind kind) {
  if (file.fd < 0) {
    // O_NONBLOCK: a pipe or a device in the place of a file must not hold the scrape.
    if (absences_.has(path)) return failed("open", path, ENOENT);
    file.fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file.fd < 0) {
      const int error = errno;
      absences_.note(path, error);
      return failed("open", path, error);
    }
    ++open_;
  }
  // Room for lines that one read may then show to be all.
  if (file.buffer.empty()) file.buffer.resize(kind == FileKind::kShortLines ? kSeqBufferBytes : kKeptBytesStart);
  file.length = 0;
  for (;;) {
    const size_t offered = file.buffer.size() - file.length;
    const ssize_t got = ::pread(file.fd, file.buffer.data() + file.length, offered, static_cast<off_t>(file.length));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const int error = errno;
      close(file);
      return failed("read", path, error);
    }
    if (got == 0) return {};
    file.length += static_cast<size_t>(got);
    if (is_whole(static_cast<size_t>(got), offered, kind)) return {};
    if (file.length == file.buffer.size()) {
      if (file.length >= kKeptBytesMax)
        return Status::limit(fmt::format("{} is longer than {} bytes", path, kKeptBytesMax));
      file.buffer.resize(2 * file.buffer.size());
    }
  }
}

Result<std::span<const Link>> ScrapeContext::links() {
  if (!links_fresh_) {
    links_status_ = rtnetlink_.read_links(links_);
    links_fresh_ = true;
  }
  if (!links_status_.ok()) return fail(links_status_);
  return links_.links();
}

Result<std::string_view> ScrapeContext::read_once(const std::string& path) {
  if (absences_.has(path)) return fail(failed("open", path, ENOENT));
  // O_NONBLOCK: a pipe or a device in the place of a file must not hold the scrape.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    const int error = errno;
    absences_.note(path, error);
    return fail(failed("open", path, error));
  }
  // The kernel charges some of these files by the size of the buffer offered, so it starts small.
  if (once_.empty()) once_.resize(1 << 10);
  size_t length = 0;
  for (;;) {
    const ssize_t got = ::read(fd, once_.data() + length, once_.size() - length);
    if (got < 0 && errno == EINTR) continue;
    const int error = errno;
    if (got > 0) length += static_cast<size_t>(got);
    if (got > 0 && length < once_.size()) continue;
    if (got > 0 && length < kOnceBytesMax) {
      once_.resize(2 * once_.size());
      continue;
    }
    ::close(fd);
    if (got < 0) return fail(failed("read", path, error));
    if (got > 0) return fail(Status::limit(fmt::format("{} is longer than {} bytes", path, kOnceBytesMax)));
    return std::string_view(once_.data(), length);
  }
}

}  // namespace tidemark::exporter
