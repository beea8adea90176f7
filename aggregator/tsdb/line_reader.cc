#include "aggregator/tsdb/line_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace tidemark::tsdb {
namespace {

constexpr size_t kReadBytes = 256 << 10;

}  // namespace

Result<LineReader> LineReader::open(const std::string& path, size_t line_bytes_max) {
  if (path == "-") return LineReader(STDIN_FILENO, "standard input", line_bytes_max);
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(Status::io(fmt::format("cannot open {}: {}", path, std::strerror(errno))));
  return LineReader(fd, path, line_bytes_max);
}

LineReader::LineReader(LineReader&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      name_(other.name_),
      line_bytes_max_(other.line_bytes_max_),
      buffer_(std::move(other.buffer_)),
      begin_(other.begin_),
      ended_(other.ended_),
      line_number_(other.line_number_),
      status_(std::move(other.status_)) {}

LineReader::~LineReader() {
  if (fd_ > STDIN_FILENO) ::close(fd_);
}

std::string LineReader::place() const { return fmt::format("{}:{}", name_, line_number_); }

bool LineReader::fill() {
  buffer_.erase(0, begin_);
  begin_ = 0;
  const size_t before = buffer_.size();
  buffer_.resize(before + kReadBytes);
  ssize_t got = 0;
  do {
    got = ::read(fd_, buffer_.data() + before, kReadBytes);
  } while (got < 0 && errno == EINTR);
  buffer_.resize(before + static_cast<size_t>(got > 0 ? got : 0));
  if (got < 0) status_ = Status::io(fmt::format("reading {}: {}", name_, std::strerror(errno)));
  ended_ = got <= 0;
  return status_.ok();
}

bool LineReader::next(std::string_view& line) {
  if (!status_.ok()) return false;
  size_t searched = begin_;
  for (;;) {
    const size_t end = buffer_.find('\n', searched);
    if (end != std::string::npos || (ended_ && begin_ < buffer_.size())) {
      const size_t stop = end != std::string::npos ? end : buffer_.size();
      line = std::string_view(buffer_).substr(begin_, stop - begin_);
      begin_ = end != std::string::npos ? end + 1 : buffer_.size();
      ++line_number_;
      return true;
    }
    if (ended_) return false;
    const size_t pending = buffer_.size() - begin_;
    if (pending > line_bytes_max_) {
      ++line_number_;
      status_ = Status::limit(fmt::format("{}: longer than {} bytes", place(), line_bytes_max_));
      return false;
    }
    if (!fill()) return false;
    searched = pending;
  }
}

}  // namespace tidemark::tsdb
