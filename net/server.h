// Server: HTTP/1.1 on our own accept and epoll front, cpp-httplib behind it for request processing.
//
// The front collects complete requests within limits, parks connections that wait for their peer without a thread, and
// hands a complete request to one of a few workers; see README.md here for the threads and for what the stock listen()
// would cost.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/guard.h"
#include "net/http_message.h"

namespace tidemark::net {

struct ServerOptions {
  // Behaviour. "127.0.0.1:9090", ":9090" (all addresses), "[::1]:9090"; port 0 takes a free one.
  std::vector<std::string> listen_addresses;
  // Sockets that listen already (listener.h: systemd_listeners); the server's from start() on.
  std::vector<int> listen_sockets = {};
  // TLS, authentication and the like; null: none. Outlives the server.
  Guard* guard = nullptr;

  // Bounds.
  size_t connections_max = 512;      // As --web.max-connections. Beyond it a new connection is answered 503.
  size_t head_bytes_max = 16 << 10;  // Request line and headers together: 431 beyond.
  size_t header_lines_max = 100;
  size_t body_bytes_max = 32 << 20;       // 413 beyond, before it is buffered; after decompression too.
  size_t buffered_bytes_max = 256 << 20;  // Bodies arriving and answers leaving, of all connections: 503 beyond.
  size_t queue_max = 1024;                // Complete requests waiting for a worker: 503 beyond.
  int64_t head_timeout_ms = 5'000;        // From the first byte to a complete head.
  int64_t request_timeout_ms = 150'000;   // Reading the body and writing the answer. Never cuts a handler short.
  int64_t idle_timeout_ms = 300'000;      // As --web.read-timeout (5m).

  // Speed.
  unsigned workers = 4;
};

// Called on a worker, many at a time. An exception becomes a 500 without its text.
using Handler = std::function<void(const Request&, Response&)>;

struct ServerStats {  // Since start; for the metrics of the program that runs it.
  uint64_t connections_accepted = 0;
  uint64_t connections_open = 0;
  uint64_t connections_refused = 0;  // Over connections_max.
  uint64_t heads_refused = 0;        // Malformed, too large or too slow.
  uint64_t requests = 0;
  uint64_t requests_refused = 0;  // Queue full.
};

class Server {
 public:
  explicit Server(ServerOptions options);
  ~Server();  // Stops.
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Before start(). `pattern` is a path whose segments may be {name}: "/api/v1/label/{name}/values". `methods` is one
  // or more of GET POST PUT DELETE, comma-separated; GET answers HEAD too. Another method on a known path is 405, an
  // unknown path 404. `body_bytes_max` overrides the option for this route when not 0.
  void route(std::string_view methods, std::string_view pattern, Handler handler, size_t body_bytes_max = 0);

  // Called after each handler with the route's pattern ("" for none), for metrics and access logs. Before start().
  void on_request(
      std::function<void(const Request&, std::string_view pattern, int status, int64_t duration_ns)> observer);

  // Binds and starts the threads. "" on success, else what failed and where: "listen on 127.0.0.1:9090: address already
  // in use". Nothing is left running after a failure.
  [[nodiscard]] std::string start();

  // Stops accepting, lets requests in flight finish for at most `grace_ms`, closes the rest, joins. Idempotent.
  void stop(int64_t grace_ms = 1'000);

  std::vector<uint16_t> ports() const;  // In the order of listen_addresses and then listen_sockets, after start().
  ServerStats stats() const;            // Thread-safe.

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tidemark::net
