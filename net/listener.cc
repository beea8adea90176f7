#include "net/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace tidemark::net {

namespace {

constexpr int kBacklog = 1024;  // The kernel lowers it to net.core.somaxconn.

std::string error_text(int error) {
  std::string text = std::generic_category().message(error);
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

uint16_t bound_port(int fd) {
  sockaddr_storage address{};
  socklen_t bytes = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &bytes) != 0) return 0;
  return address.ss_family == AF_INET6 ? ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port)
                                       : ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

// A listening descriptor, or minus errno. `both_families`: an IPv6 socket takes IPv4 connections too.
int open_listener(const addrinfo& info, bool both_families) {
  const int fd = ::socket(info.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  const int on = 1;
  const int only_v6 = both_families ? 0 : 1;
  // SO_REUSEADDR for a restart while old connections linger; not SO_REUSEPORT, which would let a second process take
  // the same port without an error.
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (info.ai_family == AF_INET6) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, sizeof only_v6);
  if (::bind(fd, info.ai_addr, info.ai_addrlen) == 0 && ::listen(fd, kBacklog) == 0) return fd;
  const int error = errno;
  ::close(fd);
  return -error;
}

}  // namespace

tl::expected<BoundSocket, std::string> listen_on(std::string_view address) {
  const auto fail = [&](const std::string& why) {
    return tl::unexpected<std::string>("listen on " + std::string(address) + ": " + why);
  };
  const size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return fail("missing port in address");
  std::string host(address.substr(0, colon));
  const std::string port_text(address.substr(colon + 1));
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (port_text.empty() || error != std::errc() || end != port_text.data() + port_text.size()) {
    return fail("invalid port \"" + port_text + "\"");
  }
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string::npos) {
    return fail("an IPv6 address needs brackets");
  }

  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int lookup = ::getaddrinfo(host.empty() ? nullptr : host.c_str(), port_text.c_str(), &hints, &found);
  if (lookup != 0) return fail(::gai_strerror(lookup));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);

  // All addresses: one IPv6 socket that takes both families, and IPv4 alone where the host has no IPv6. A name: IPv4
  // first, as Go does.
  const int preferred = host.empty() ? AF_INET6 : AF_INET;
  int last_error = EADDRNOTAVAIL;
  for (const bool want_preferred : {true, false}) {
    for (const addrinfo* info = found; info != nullptr; info = info->ai_next) {
      if ((info->ai_family == preferred) != want_preferred) continue;
      const int fd = open_listener(*info, host.empty());
      if (fd >= 0) return BoundSocket{fd, bound_port(fd)};
      last_error = -fd;
      if (last_error != EAFNOSUPPORT && last_error != EADDRNOTAVAIL) return fail(error_text(last_error));
    }
  }
  return fail(error_text(last_error));
}

BoundSocket adopt_listener(int fd) {
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  return {fd, bound_port(fd)};
}

tl::expected<std::vector<int>, std::string> systemd_listeners() {
  constexpr int kFirst = 3;  // By the protocol: 0, 1 and 2 are the standard streams.
  constexpr int kCountMax = 64;
  const char* pid = std::getenv("LISTEN_PID");
  const char* count = std::getenv("LISTEN_FDS");
  if (pid == nullptr || count == nullptr || std::to_string(::getpid()) != pid)
    return tl::unexpected<std::string>("systemd passed no sockets: is the service started by a .socket unit?");
  std::vector<int> sockets;
  for (int fd = kFirst; fd < kFirst + std::min(std::atoi(count), kCountMax); ++fd) {
    int listens = 0;
    socklen_t bytes = sizeof listens;
    if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &bytes) != 0 || listens == 0)
      return tl::unexpected<std::string>("descriptor " + std::to_string(fd) +
                                         " that systemd passed is no listening stream socket");
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    sockets.push_back(fd);
  }
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(name);
  if (sockets.empty()) return tl::unexpected<std::string>("systemd passed no sockets: LISTEN_FDS is 0");
  return sockets;
}

std::string peer_address(int fd) {
  sockaddr_storage address{};
  socklen_t bytes = sizeof address;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &bytes) != 0) return {};
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return std::string(text) + ":" + std::to_string(ntohs(v4.sin_port));
  }
  if (address.ss_family != AF_INET6) return {};
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {  // An IPv4 client of a socket for both families.
    ::inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text, sizeof text);
    return std::string(text) + ":" + std::to_string(ntohs(v6.sin6_port));
  }
  ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
  return "[" + std::string(text) + "]:" + std::to_string(ntohs(v6.sin6_port));
}

}  // namespace tidemark::net
