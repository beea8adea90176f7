// Listening sockets.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace tidemark::net {

struct BoundSocket {
  int fd;  // The caller's: non-blocking, listening.
  uint16_t port;
};

// "127.0.0.1:9090", "[::1]:9090", "localhost:9090", or ":9090" for all addresses of both families. The error says what
// failed and where: "listen on 127.0.0.1:9090: address already in use".
tl::expected<BoundSocket, std::string> listen_on(std::string_view address);

// "192.0.2.1:5000", "[2001:db8::1]:5000". "" when the socket has no peer.
std::string peer_address(int fd);

}  // namespace tidemark::net
