// Listening sockets.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace tidemark::net {

struct BoundSocket {
  int fd;  // The caller's: non-blocking, listening.
  uint16_t port;
};

// "127.0.0.1:9090", "[::1]:9090", "localhost:9090", or ":9090" for all addresses of both families. The error says what
// failed and where: "listen on 127.0.0.1:9090: address already in use".
tl::expected<BoundSocket, std::string> listen_on(std::string_view address);

// A socket that listens already, made non-blocking.
BoundSocket adopt_listener(int fd);

// The listening sockets that systemd passed to this process (sd_listen_fds(3)), closed on exec from now on. The error
// says why there are none. A second call finds none.
tl::expected<std::vector<int>, std::string> systemd_listeners();

// "192.0.2.1:5000", "[2001:db8::1]:5000". "" when the socket has no peer.
std::string peer_address(int fd);

}  // namespace tidemark::net
