#include "exporter/absences.h"

#include <errno.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tidemark::exporter {
namespace {

// Groups of NETLINK_KOBJECT_UEVENT: the kernel's own, and udev's, which follows when its database is written.
constexpr unsigned kGroups = 1 | 2;
// Read in one scrape. A burst that is longer (a disk shelf) is read on by the next ones, which forget again.
constexpr int kMessagesMax = 256;

int open_announcements() {
  const int fd = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = kGroups;
  if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
  ::close(fd);
  return -1;
}

}  // namespace

Absences::~Absences() {
  if (fd_ >= 0) ::close(fd_);
}

bool Absences::something_announced() {
  if (!opened_) fd_ = open_announcements();
  opened_ = true;
  if (fd_ < 0) return false;
  bool any = false;
  for (int i = 0; i < kMessagesMax; ++i) {
    char byte;  // That there is a message is all there is to know.
    if (::recv(fd_, &byte, 1, 0) < 0 && errno == EAGAIN) break;
    any = true;  // ENOBUFS too: more was announced than the socket holds.
  }
  return any;
}

void Absences::begin(int64_t now_monotonic_ns) {
  // What is announced from here on may be about something this scrape has looked for already: the next one forgets it.
  if (!something_announced() && now_monotonic_ns < forget_at_ns_) return;
  paths_.clear();
  forget_at_ns_ = now_monotonic_ns + kRememberNs;
}

void Absences::note(std::string_view path, int error) {
  if ((error == ENOENT || error == ENOTDIR) && paths_.size() < kPathsMax) paths_.emplace(path);
}

}  // namespace tidemark::exporter
