#include "aggregator/storage/disk_space.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tidemark::storage {
namespace {

constexpr uint64_t kBlockBytes = 512;  // What st_blocks counts.

}  // namespace

DiskSpace::DiskSpace(std::string path, uint64_t min_free_bytes, rocksdb::Env& env, Metrics& metrics, Logger& logger)
    : path_(std::move(path)),
      file_(path_ + "/tidemark.reserve"),
      min_free_bytes_(min_free_bytes),
      env_(env),
      metrics_(metrics),
      logger_(logger) {}

uint64_t DiskSpace::reserved() const {
  struct stat file {};
  return ::stat(file_.c_str(), &file) == 0 ? static_cast<uint64_t>(file.st_blocks) * kBlockBytes : 0;
}

Status DiskSpace::check(uint64_t reserve_bytes) {
  uint64_t free = 0;
  // Who does not tell is taken to have room: what does not fit fails when it is written.
  if (!env_.GetFreeSpace(path_, &free).ok()) return {};
  metrics_.disk_free_bytes.Set(static_cast<double>(free));
  if (free < min_free_bytes_ / 2) use_reserve();
  const uint64_t have = reserved();
  const uint64_t missing = unsupported_ || have >= reserve_bytes ? 0 : reserve_bytes - have;
  const uint64_t wanted = (full_ ? 2 * min_free_bytes_ : min_free_bytes_) + missing;
  Status status;
  if (free < wanted) {
    status = Status::io("the disk is full: " + path_ + " has " + std::to_string(free) + " bytes left of the " +
                        std::to_string(wanted) + " it needs");
  } else if (missing > 0) {
    status = reserve(reserve_bytes);
  }
  full_ = !status.ok();
  metrics_.reserve_bytes.Set(static_cast<double>(reserved()));
  return status;
}

Status DiskSpace::reserve(uint64_t bytes) {
  const int fd = ::open(file_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return Status::io("cannot make " + file_ + ": " + std::strerror(errno));
  const int error = ::fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(bytes)) == 0 ? 0 : errno;
  ::close(fd);
  if (error == EOPNOTSUPP || error == ENOSYS) {
    unsupported_ = true;
    ::unlink(file_.c_str());
    logger_.warn("the file system cannot reserve space: on a full disk the store may not be able to start",
                 {{"path", path_}});
    return {};
  }
  return error == 0 ? Status()
                    : Status::io("the disk is full: reserving space in " + path_ + ": " + std::strerror(error));
}

void DiskSpace::use_reserve() {
  full_ = true;
  if (reserved() == 0) return;
  logger_.warn("the disk is full: the store frees its reserve", {{"path", file_}});
  remove_reserve();
}

void DiskSpace::remove_reserve() {
  ::unlink(file_.c_str());
  metrics_.reserve_bytes.Set(0);
}

}  // namespace tidemark::storage
